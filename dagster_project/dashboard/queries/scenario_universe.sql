-- What do all miners with known power add up to, beside the figures of others?
-- Example: {"scenario": "vaneck_2024", "day": "2025-03-25"}
select
    scenario_id,
    as_of_date,
    n_miners,
    n_capacity_known,
    gross_power_mw,
    converted_gross_mw,
    hashprice_usd_ph,
    npv_per_mw_usd,
    npv_usd,
    mean_yearly_profit_usd,
    npv_to_yearly_profit,
    anchor_npv_usd,
    anchor_yearly_profit_usd,
    anchor_n_miners,
    anchor_npv_to_yearly_profit,
    npv_per_miner_usd,
    anchor_npv_per_miner_usd
from marts.fct_scenario_universe
where scenario_id = $scenario and as_of_date = cast($day as date)
