-- Rows whose market, bitcoin, intercept and abnormal parts do not add up to the raw return.
{%- set rule = var('quality')['selloff_parts_sum_to_return'] %}
select
    event_id,
    ticker,
    raw_return,
    market_part + bitcoin_part + intercept_part + abnormal_return as sum_of_parts
from {{ ref('selloff_summary') }}
where
    abnormal_return is not null
    and coalesce(
        abs(market_part + bitcoin_part + intercept_part + abnormal_return - raw_return)
        > {{ rule['threshold'] }},
        true
    )
order by event_id, ticker
