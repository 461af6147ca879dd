-- Grain: one row per pool (study, group, model and window) with a ranked session.
with

study_samples as (

    select * from {{ ref('int_study_samples') }}

),

study_days as (

    select * from {{ ref('int_study_days') }}

),

windows as (

    select * from {{ ref('int_study_windows') }}

),

days as (

    -- The dates of a study are aligned by relative day; each date counts once.
    select
        study_samples.pool_number,
        any_value(study_samples.window_id) as window_id,
        study_days.rel_day,
        bool_or(study_days.is_estimation) as is_estimation,
        avg(study_days.rank_deviation_sum / study_days.n_firms) as rank_deviation,
        sum(study_days.rank_share_sum / sqrt(study_days.n_firms)) / sqrt(count(*))
            as rank_share
    from study_samples
    inner join study_days
        on study_samples.study_sample_number = study_days.study_sample_number
    group by study_samples.pool_number, study_days.rel_day

),

summed as (

    select
        days.pool_number,
        count(*) filter (where not days.is_estimation) as rank_rows,
        sum(days.rank_deviation) filter (
            where days.rel_day between windows.first_day and windows.last_day
        ) as window_rank_deviation,
        sum(days.rank_share) filter (
            where days.rel_day between windows.first_day and windows.last_day
        ) as window_rank_share,
        sqrt(avg(power(days.rank_deviation, 2))) as rank_deviation_sd,
        sqrt(avg(power(days.rank_share, 2))) as rank_share_sd
    from days
    inner join windows on days.window_id = windows.window_id
    group by days.pool_number

)

select * from summed
