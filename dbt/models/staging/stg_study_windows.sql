-- Grain: one row per event window.
with

source as (

    select * from {{ source('raw', 'study_windows') }}

),

renamed as (

    select
        window_id,
        first_day,
        last_day
    from source

)

select * from renamed
