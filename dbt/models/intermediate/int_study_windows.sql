-- Grain: one row per event window.
with

windows as (

    select * from {{ ref('stg_study_windows') }}

),

ranged as (

    -- The rank tests rank the window's own sessions at least.
    select
        *,
        least(rank_first_day, first_day) as first_ranked_day,
        greatest(rank_last_day, last_day) as last_ranked_day
    from windows

),

measured as (

    select
        window_id,
        first_day,
        last_day,
        last_day - first_day + 1 as n_days,
        first_ranked_day as rank_first_day,
        last_ranked_day as rank_last_day,
        last_ranked_day - first_ranked_day + 1 as n_rank_rows
    from ranged

)

select * from measured
