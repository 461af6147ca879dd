-- Grain: one row per concept of a taxonomy.
with

source as (

    select * from {{ source('raw', 'study_xbrl_concepts') }}

),

renamed as (

    select
        taxonomy,
        concept,
        metric,
        unit,
        priority,
        reason
    from source

)

select * from renamed
