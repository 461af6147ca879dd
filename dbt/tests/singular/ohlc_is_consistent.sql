-- Bars whose open or close lies outside their own low and high.
{%- set tolerance = var('quality')['ohlc_is_consistent']['threshold'] %}
select
    ticker,
    session_date,
    open_usd,
    high_usd,
    low_usd,
    close_usd
from {{ ref('stg_equity_prices') }}
where
    high_usd < low_usd
    or greatest(open_usd, close_usd) > high_usd * (1 + {{ tolerance }})
    or least(open_usd, close_usd) < low_usd * (1 - {{ tolerance }})
order by ticker, session_date
