-- Which scenarios are published, and for which days?
-- Example: {}
select
    universe.scenario_id,
    any_value(assumption.scenario_title) as scenario_title,
    universe.as_of_date,
    universe.is_latest
from marts.fct_scenario_universe as universe
left join marts.dim_scenario_assumption as assumption
    on universe.scenario_id = assumption.scenario_id
group by all
order by universe.scenario_id desc, universe.is_latest, universe.as_of_date desc
