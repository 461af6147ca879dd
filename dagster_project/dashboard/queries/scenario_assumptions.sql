-- What does the scenario assume, and who says so?
-- Example: {"scenario": "vaneck_2024"}
select
    assumption,
    value,
    unit,
    is_input,
    origin,
    source_quality,
    source_url,
    note
from marts.dim_scenario_assumption
where scenario_id = $scenario
order by is_input desc, origin desc, assumption
