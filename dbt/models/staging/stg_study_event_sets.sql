-- Grain: one row per set of events.
with

source as (

    select * from {{ source('raw', 'study_event_sets') }}

),

renamed as (

    select
        set_id,
        title,
        rule_kind,
        rule_value
    from source

)

select * from renamed
