-- Grain: one row per group of firms.
with

source as (

    select * from {{ source('raw', 'study_groups') }}

),

renamed as (

    select
        group_id,
        title,
        rule_kind,
        rule_value
    from source

)

select * from renamed
