-- Grain: one row per scenario and assumption.
with

source as (

    select * from {{ source('raw', 'study_scenario_assumptions') }}

),

renamed as (

    select
        scenario_id,
        assumption,
        value,
        unit,
        origin,
        source_url,
        source_quality,
        claim_id,
        note
    from source

)

select * from renamed
