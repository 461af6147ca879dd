-- Grain: one row per length of the rolling windows.
with

source as (

    select * from {{ source('raw', 'study_rolling_windows') }}

),

renamed as (

    select
        window_sessions,
        min_sessions,
        is_headline
    from source

)

select * from renamed
