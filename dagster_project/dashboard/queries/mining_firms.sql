-- What did each miner mine, and how much of the fleet it switched on was really at work?
-- Example: {}
select
    ticker,
    period,
    period_start_date,
    period_end_date,
    known_date,
    btc_mined,
    network_share,
    realised_eh_s,
    energised_eh_s,
    realisation_rate,
    total_revenue_usd,
    hpc_revenue_usd,
    hpc_revenue_share,
    weakest_source
from marts.fct_miner_unit_economics
where is_latest
order by ticker, period_end_date desc, period
