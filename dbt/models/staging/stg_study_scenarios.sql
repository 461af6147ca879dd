-- Grain: one row per scenario.
with

source as (

    select * from {{ source('raw', 'study_scenarios') }}

),

renamed as (

    select
        scenario_id,
        title,
        as_of_dates,
        note
    from source

)

select * from renamed
