-- Miners that seem to have mined with more than they had switched on, or revenue of HPC above
-- all revenue: one of the figures is for another period, unit or company.
{%- set rule = var('quality')['realisation_rate_is_plausible'] %}
select
    ticker,
    period,
    period_end_date,
    known_date,
    btc_mined,
    realised_eh_s,
    energised_eh_s,
    energised_basis,
    realisation_rate,
    hpc_revenue_share
from {{ ref('fct_miner_unit_economics') }}
where
    realisation_rate < 0
    or realisation_rate > {{ rule['threshold'] }}
    or hpc_revenue_share > 1
order by ticker, period_end_date, period, known_date
