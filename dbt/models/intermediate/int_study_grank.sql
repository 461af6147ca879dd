-- Grain: one row per pool (study, group, model and window) whose standardised returns spread.
with

study_samples as (

    select * from {{ ref('int_study_samples') }}

),

sample_firms as (

    select * from {{ ref('int_sample_firms') }}

),

study_days as (

    select * from {{ ref('int_study_days') }}
    where is_estimation and extra_share_sum is not null

),

days as (

    -- The dates of a study are aligned by relative day; each date counts once.
    select
        study_samples.pool_number,
        study_days.rel_day,
        sum(study_days.n_firms) as n_firms,
        avg(study_days.extra_share_sum / study_days.n_firms) as mean_share
    from study_days
    inner join study_samples
        on study_days.study_sample_number = study_samples.study_sample_number
    group by study_samples.pool_number, study_days.rel_day

),

extra_parts as (

    select
        study_sample_number,
        sum(below_extra_share_sum) as below_share_sum
    from study_days
    group by study_sample_number

),

firm_sums as (

    select
        sample_number,
        count(*) as n_firms,
        sum(1e0 / (n_est + 2)) as own_share
    from sample_firms
    group by sample_number

),

extra_days as (

    -- The extra day's mean share: sessions below it, and itself.
    select
        study_samples.pool_number,
        sum(firm_sums.n_firms) as n_firms,
        avg(
            (extra_parts.below_share_sum + firm_sums.own_share) / firm_sums.n_firms - 5e-1
        ) as mean_share
    from study_samples
    inner join firm_sums on study_samples.sample_number = firm_sums.sample_number
    inner join extra_parts
        on study_samples.study_sample_number = extra_parts.study_sample_number
    group by study_samples.pool_number

),

squares as (

    select
        pool_number,
        count(*) as n_estimation_days,
        sum(n_firms * power(mean_share, 2)) as weighted_squares
    from days
    group by pool_number

),

scaled as (

    select
        squares.pool_number,
        squares.n_estimation_days,
        extra_days.mean_share / nullif(
            sqrt(
                (
                    squares.weighted_squares / extra_days.n_firms
                    + power(extra_days.mean_share, 2)
                ) / (squares.n_estimation_days + 1)
            ),
            0
        ) as grank_z
    from squares
    inner join extra_days on squares.pool_number = extra_days.pool_number

)

select * from scaled
