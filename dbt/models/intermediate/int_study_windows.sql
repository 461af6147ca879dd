-- Grain: one row per event window.
with

windows as (

    select * from {{ ref('stg_study_windows') }}

),

parameters as (

    select * from {{ ref('int_study_parameters') }}

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
        ranged.window_id,
        ranged.first_day,
        ranged.last_day,
        ranged.last_day - ranged.first_day + 1 as n_days,
        ranged.first_ranked_day as rank_first_day,
        ranged.last_ranked_day as rank_last_day,
        ranged.last_ranked_day - ranged.first_ranked_day + 1 as n_rank_rows,
        -- Sessions cannot both teach the normal return and be tested against it.
        ranged.first_day <= parameters.estimation_last_day
        and ranged.last_day >= parameters.estimation_first_day as overlaps_estimation
    from ranged
    cross join parameters

)

select * from measured
