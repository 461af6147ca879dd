-- Grain: one row per scenario and assumption.
with

assumptions as (

    select * from {{ ref('stg_study_scenario_assumptions') }}

),

scenarios as (

    select * from {{ ref('stg_study_scenarios') }}

),

claims as (

    select * from {{ ref('stg_press_claims') }}

),

final as (

    select
        assumptions.scenario_id,
        scenarios.title as scenario_title,
        assumptions.assumption,
        assumptions.value,
        assumptions.unit,
        left(assumptions.assumption, 7) <> 'anchor_' as is_input,
        assumptions.origin,
        assumptions.source_url,
        assumptions.source_quality,
        assumptions.claim_id,
        claims.value_low as claimed_value_low,
        claims.value_high as claimed_value_high,
        assumptions.note
    from assumptions
    inner join scenarios on assumptions.scenario_id = scenarios.scenario_id
    left join claims on assumptions.claim_id = claims.claim_id

)

select * from final
order by scenario_id asc, assumption asc
