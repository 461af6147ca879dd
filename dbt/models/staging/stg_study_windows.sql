-- Grain: one row per event window.
with

source as (

    select * from {{ source('raw', 'study_windows') }}

),

renamed as (

    select
        window_id,
        first_day,
        last_day,
        coalesce(rank_first_day, first_day) as rank_first_day,
        coalesce(rank_last_day, last_day) as rank_last_day
    from source

)

select * from renamed
