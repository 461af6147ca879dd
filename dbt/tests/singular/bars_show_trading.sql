-- Bars without volume, or whose four prices are one: the share may not have traded.
select
    ticker,
    session_date,
    close_usd,
    volume_shares
from {{ ref('stg_equity_prices') }}
where
    volume_shares = 0
    or (open_usd = high_usd and high_usd = low_usd and low_usd = close_usd)
order by ticker, session_date
