-- Grain: one row per event window.
with

windows as (

    select * from {{ ref('stg_study_windows') }}

),

parameters as (

    select * from {{ ref('int_study_parameters') }}

),

measured as (

    select
        windows.window_id,
        windows.first_day,
        windows.last_day,
        windows.last_day - windows.first_day + 1 as n_days,
        -- The rank tests rank the window's own sessions at least.
        least(windows.rank_first_day, windows.first_day) as rank_first_day,
        greatest(windows.rank_last_day, windows.last_day) as rank_last_day,
        -- Sessions cannot both teach the normal return and be tested against it.
        windows.first_day <= parameters.estimation_last_day
        and windows.last_day >= parameters.estimation_first_day as overlaps_estimation
    from windows
    cross join parameters

)

select * from measured
