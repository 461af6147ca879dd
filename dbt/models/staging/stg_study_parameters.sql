-- Grain: one row per parameter.
with

source as (

    select * from {{ source('raw', 'study_parameters') }}

),

renamed as (

    select
        parameter,
        value,
        value_name,
        unit,
        reason,
        decided_date
    from source

)

select * from renamed
