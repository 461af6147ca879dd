-- What was publicly known at the end of a day of each miner's AI megawatts and customers?
-- Example: {"day": "2025-03-25"}
select
    exposure.ticker,
    company.name,
    exposure.hpc_status,
    exposure.hpc_contracted_mw,
    exposure.hpc_contracted_basis,
    exposure.gross_power_mw,
    exposure.gross_power_basis,
    exposure.hpc_mw_share,
    exposure.share_basis,
    exposure.n_counterparties,
    exposure.top_counterparty,
    exposure.counterparty_hhi,
    exposure.hyperscaler_backed,
    exposure.contract_value_usd,
    exposure.hpc_revenue_share,
    exposure.ai_tilt,
    exposure.exposure_rank,
    exposure.known_date,
    exposure.n_fields_missing,
    exposure.weakest_source
from marts.fct_ai_exposure as exposure
left join marts.dim_company as company on exposure.ticker = company.ticker
where exposure.as_of_date = cast($day as date)
order by exposure.hpc_contracted_mw desc nulls last, exposure.ticker
