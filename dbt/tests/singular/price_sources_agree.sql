-- Sessions on which the second source's prices lie outside the tolerance of their ticker.
{%- set rule = var('quality')['price_sources_agree'] %}
select
    value_date as session_date,
    count(*) as n_tickers_outside,
    {{ text_of('ticker', ', ', ['ticker']) }} as tickers,
    max(coalesce(relative_difference, absolute_difference)) as largest_difference
from {{ ref('fct_source_reconciliation') }}
where
    table_name = 'equity_prices'
    and not within_tolerance
group by value_date
having count(*) > {{ rule['threshold'] }}
order by n_tickers_outside desc, session_date asc
