-- Grain: one row per scenario and variant (the base, or one assumption changed to another value).
with

assumptions as (

    select
        scenario_id,
        assumption,
        value
    from {{ ref('stg_study_scenario_assumptions') }}

),

sensitivities as (

    select * from {{ ref('stg_study_scenario_sensitivities') }}

),

variants as (

    select
        scenario_id,
        'base' as variant_id,
        null as changed_assumption,
        cast(null as double) as changed_value
    from {{ ref('stg_study_scenarios') }}
    union all
    select
        scenario_id,
        assumption || '=' || {{ number_text('value') }} as variant_id,
        assumption as changed_assumption,
        value as changed_value
    from sensitivities

),

-- An assumption may stand in the sensitivities alone: it then overrides what the base computes.
names as (

    select
        scenario_id,
        assumption
    from assumptions
    union
    select
        scenario_id,
        assumption
    from sensitivities

),

filled as (

    select
        variants.scenario_id,
        variants.variant_id,
        variants.changed_assumption,
        variants.changed_value,
        names.assumption,
        case
            when names.assumption = variants.changed_assumption then variants.changed_value
            else assumptions.value
        end as value
    from variants
    inner join names on variants.scenario_id = names.scenario_id
    left join assumptions
        on
            names.scenario_id = assumptions.scenario_id
            and names.assumption = assumptions.assumption

)

select
    scenario_id,
    variant_id,
    changed_assumption,
    changed_value,
    {{ scenario_columns() }}
from filled
group by scenario_id, variant_id, changed_assumption, changed_value
