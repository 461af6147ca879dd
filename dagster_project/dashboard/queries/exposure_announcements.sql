-- Who announced what, and when did it become public?
-- Example: {"kind": "all", "ticker": "all"}
select
    announced_on,
    date_precision,
    company,
    ticker,
    kind,
    direction,
    counterparty,
    power_mw,
    power_basis,
    value_usd,
    source_name,
    source_url,
    source_quality
from marts.fct_capex_announcements
where
    ($kind = 'all' or kind = $kind)
    and ($ticker = 'all' or coalesce(ticker, 'none') = $ticker)
order by announced_on desc nulls last, company, announcement_id
