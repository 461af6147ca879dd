-- Grain: one row per study, sample and session of the estimation windows or among the ranked sessions around the event.
with

study_samples as (

    select * from {{ ref('int_study_samples') }}

),

sample_baskets as (

    select * from {{ ref('int_sample_baskets') }}

),

basket_days as (

    select * from {{ ref('int_basket_days') }}

),

extra_days as (

    select * from {{ ref('int_study_extra_days') }}

),

sample_rank_days as (

    select * from {{ ref('int_sample_rank_days') }}

),

sample_firms as (

    select * from {{ ref('int_sample_firms') }}

),

windows as (

    select * from {{ ref('int_study_windows') }}

),

estimation_days as (

    select
        study_samples.study_sample_number,
        study_samples.sample_number,
        basket_days.rel_day,
        basket_days.n_firms,
        coalesce(
            sample_rank_days.rank_deviation_sum,
            basket_days.rank_deviation_sum + extra_days.single_step_sum
        ) as rank_deviation_sum,
        coalesce(
            sample_rank_days.rank_share_sum,
            basket_days.rank_share_sum + extra_days.single_step_share_sum
        ) as rank_share_sum,
        -- What the day adds to the rank of a value ranked with the residuals: one where it lies
        -- below.
        basket_days.n_firms - extra_days.single_step_sum as below_single_sum,
        basket_days.rank_unit_sum - extra_days.single_step_share_sum as below_single_share_sum,
        basket_days.rank_share_sum + extra_days.extra_step_share_sum as extra_share_sum,
        basket_days.rank_unit_sum - extra_days.extra_step_share_sum as below_extra_share_sum
    from study_samples
    inner join sample_baskets on study_samples.sample_number = sample_baskets.sample_number
    inner join basket_days on sample_baskets.basket_number = basket_days.basket_number
    inner join extra_days
        on
            study_samples.study_sample_number = extra_days.study_sample_number
            and basket_days.rel_day = extra_days.rel_day
    left join sample_rank_days
        on
            study_samples.sample_number = sample_rank_days.sample_number
            and basket_days.rel_day = sample_rank_days.rel_day
            and sample_rank_days.is_estimation

),

below_single as (

    select
        study_sample_number,
        sum(below_single_sum) as below_sum,
        sum(below_single_share_sum) as below_share_sum
    from estimation_days
    group by study_sample_number

),

own_ranks as (

    select
        sample_number,
        count(*) as n_firms,
        sum(1 - (n_est + 2) / 2e0) as own_deviation_sum,
        sum(1e0 / (n_est + 2) - 5e-1) as own_share_sum
    from sample_firms
    group by sample_number

),

-- A single ranked session's own rank: the residuals below it, and itself.
single_days as (

    select
        study_samples.study_sample_number,
        windows.rank_first_day as rel_day,
        own_ranks.n_firms,
        below_single.below_sum + own_ranks.own_deviation_sum as rank_deviation_sum,
        below_single.below_share_sum + own_ranks.own_share_sum as rank_share_sum
    from study_samples
    inner join windows on study_samples.window_id = windows.window_id
    inner join own_ranks on study_samples.sample_number = own_ranks.sample_number
    inner join below_single
        on study_samples.study_sample_number = below_single.study_sample_number
    where windows.n_rank_rows = 1

),

long_days as (

    select
        study_samples.study_sample_number,
        sample_rank_days.rel_day,
        sample_rank_days.n_firms,
        sample_rank_days.rank_deviation_sum,
        sample_rank_days.rank_share_sum
    from study_samples
    inner join sample_rank_days
        on study_samples.sample_number = sample_rank_days.sample_number
    where not sample_rank_days.is_estimation

),

event_days as (

    select * from single_days
    union all
    select * from long_days

),

unioned as (

    select
        study_sample_number,
        rel_day,
        true as is_estimation,
        n_firms,
        rank_deviation_sum,
        rank_share_sum,
        extra_share_sum,
        below_extra_share_sum
    from estimation_days
    union all
    select
        study_sample_number,
        rel_day,
        false as is_estimation,
        n_firms,
        rank_deviation_sum,
        rank_share_sum,
        null as extra_share_sum,
        null as below_extra_share_sum
    from event_days

)

select * from unioned
