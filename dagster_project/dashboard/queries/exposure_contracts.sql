-- Which AI contracts stood on a day, with whom and for how much?
-- Example: {"day": "2025-03-25"}
select
    ticker,
    counterparty,
    status,
    announced_on,
    critical_it_mw,
    gross_mw,
    unknown_basis_mw,
    term_years,
    value_usd,
    is_hyperscaler_backed,
    source_name,
    source_url,
    source_quality
from marts.dim_hpc_contract
where
    valid_from_date <= cast($day as date)
    and (valid_to_date is null or valid_to_date > cast($day as date))
order by ticker, announced_on, contract_id
