-- Grain: one row per scenario, assumption and value.
with

source as (

    select * from {{ source('raw', 'study_scenario_sensitivities') }}

),

renamed as (

    select
        scenario_id,
        assumption,
        value
    from source

)

select * from renamed
