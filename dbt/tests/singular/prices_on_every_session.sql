-- Tickers that lack sessions between their own first and last price.
{%- set rule = var('quality')['prices_on_every_session'] %}
with

spans as (

    select
        ticker,
        min(session_date) as first_session_date,
        max(session_date) as last_session_date
    from {{ ref('stg_equity_prices') }}
    group by ticker

),

missing as (

    select
        spans.ticker,
        sessions.session_date
    from spans
    inner join {{ ref('stg_exchange_sessions') }} as sessions
        on sessions.session_date between spans.first_session_date and spans.last_session_date
    left join {{ ref('stg_equity_prices') }} as prices
        on
            spans.ticker = prices.ticker
            and sessions.session_date = prices.session_date
    where prices.session_date is null

)

select
    ticker,
    count(*) as n_missing,
    min(session_date) as first_missing_date,
    max(session_date) as last_missing_date
from missing
group by ticker
having count(*) > {{ rule['threshold'] }}
order by ticker
