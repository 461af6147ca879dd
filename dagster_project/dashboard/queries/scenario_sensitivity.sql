-- Which assumption decides?
-- Example: {"scenario": "vaneck_2024", "day": "2025-03-25"}
select
    assumption,
    value,
    base_value,
    is_base,
    npv_per_mw_usd,
    npv_per_mw_change_usd,
    npv_usd,
    npv_to_yearly_profit
from marts.fct_scenario_sensitivity
where scenario_id = $scenario and as_of_date = cast($day as date)
order by assumption, value
