-- Grain: one row per study, group, model and window.
with

studies as (

    select distinct
        study_id,
        study_kind
    from {{ ref('int_study_events') }}

),

study_events as (

    select * from {{ ref('int_study_events') }}

),

events as (

    select * from {{ ref('int_events') }}

),

groups as (

    select group_id from {{ ref('stg_study_groups') }}

),

models as (

    select
        model_id,
        is_headline
    from {{ ref('int_study_models') }}

),

windows as (

    select
        window_id,
        n_days,
        overlaps_estimation
    from {{ ref('int_study_windows') }}

),

study_samples as (

    select * from {{ ref('int_study_samples') }}

),

sample_firms as (

    select * from {{ ref('int_sample_firms') }}

),

sample_correlations as (

    select * from {{ ref('int_sample_correlations') }}

),

sample_baskets as (

    select * from {{ ref('int_sample_baskets') }}

),

basket_statistics as (

    select * from {{ ref('int_basket_statistics') }}

),

rank_statistics as (

    select * from {{ ref('int_study_rank_statistics') }}

),

grank as (

    select * from {{ ref('int_study_grank') }}

),

portfolio_statistics as (

    select * from {{ ref('int_study_portfolio_statistics') }}

),

event_counts as (

    -- A study none of whose events has prices says whether they lie before or after the data.
    select
        study_events.study_id,
        count(*) filter (where events.data_status = 'in_data') as n_events,
        max(events.data_status) filter (where events.data_status <> 'in_data')
            as missing_status
    from study_events
    left join events on study_events.event_id = events.event_id
    group by study_events.study_id

),

members as (

    select
        pool_number,
        any_value(study_id) as study_id,
        any_value(group_id) as group_id,
        any_value(model_id) as model_id,
        any_value(window_id) as window_id,
        count(*) as n_dates,
        sum(n_members) as n_members
    from study_samples
    group by pool_number

),

close_dates as (

    -- Dates whose windows share a session are not independent observations.
    select
        left_dates.pool_number,
        count(distinct left_dates.sample_number) as n_overlapping_dates
    from study_samples as left_dates
    inner join study_samples as right_dates
        on
            left_dates.pool_number = right_dates.pool_number
            and left_dates.sample_number <> right_dates.sample_number
            and abs(left_dates.t0_number - right_dates.t0_number) < left_dates.n_days
    group by left_dates.pool_number

),

summed as (

    select
        study_samples.pool_number,
        count(*) as n_firms,
        count(distinct study_samples.sample_number) as n_dates_with_firms,
        avg(sample_firms.car) as caar,
        median(sample_firms.car) as median_car,
        avg(case when sample_firms.car < 0 then 1e0 else 0e0 end) as share_negative,
        count(*) filter (where sample_firms.car > 0) as n_positive,
        -- A spread that is only rounding (equal firms) is no spread.
        case
            when stddev_samp(sample_firms.car) > 1e-12 * sqrt(avg(power(sample_firms.car, 2)))
                then stddev_samp(sample_firms.car)
        end as car_sd,
        avg(sample_firms.scar) as scar_mean,
        case
            when
                stddev_samp(sample_firms.scar) > 1e-12 * sqrt(avg(power(sample_firms.scar, 2)))
                then stddev_samp(sample_firms.scar)
        end as scar_sd,
        sum(sample_firms.scar) as scar_sum,
        case
            when count(sample_firms.scar_variance) = count(*)
                then sum(sample_firms.scar_variance)
        end as scar_variance_sum
    from study_samples
    inner join sample_firms on study_samples.sample_number = sample_firms.sample_number
    group by study_samples.pool_number

),

signs as (

    -- The firms' mean share of positive residuals.
    select
        study_samples.pool_number,
        sum(basket_statistics.positive_share_sum) as positive_share_sum
    from study_samples
    inner join sample_baskets on study_samples.sample_number = sample_baskets.sample_number
    inner join basket_statistics
        on sample_baskets.basket_number = basket_statistics.basket_number
    group by study_samples.pool_number

),

correlated as (

    select
        study_samples.pool_number,
        sum(sample_correlations.n_pairs_dropped) as n_pairs_dropped,
        sum(sample_correlations.correlation_sum) as correlation_sum
    from study_samples
    inner join sample_correlations
        on study_samples.sample_number = sample_correlations.sample_number
    group by study_samples.pool_number

),

averaged as (

    -- Firms on different dates count as uncorrelated: their pairs enter the mean with zero.
    select
        correlated.pool_number,
        correlated.n_pairs_dropped,
        correlated.correlation_sum / nullif(
            summed.n_firms * (summed.n_firms - 1) / 2 - correlated.n_pairs_dropped, 0
        ) as rbar
    from correlated
    inner join summed on correlated.pool_number = summed.pool_number

),

framed as (

    select
        studies.study_id,
        studies.study_kind,
        groups.group_id,
        models.model_id,
        models.is_headline as is_headline_model,
        windows.window_id,
        windows.n_days,
        event_counts.n_events,
        case
            when event_counts.n_events = 0
                then coalesce(event_counts.missing_status, 'no_events')
            when windows.overlaps_estimation then 'overlaps_estimation'
            when coalesce(summed.n_firms, 0) = 0 then 'no_firms'
            else 'ok'
        end as pool_status,
        coalesce(members.n_dates, 0) as n_dates,
        coalesce(close_dates.n_overlapping_dates, 0) as n_overlapping_dates,
        coalesce(summed.n_firms, 0) as n_firms,
        cast(coalesce(members.n_members, 0) - coalesce(summed.n_firms, 0) as bigint)
            as n_firms_dropped,
        summed.caar,
        summed.median_car,
        summed.share_negative,
        summed.n_positive,
        signs.positive_share_sum / summed.n_firms as expected_share_positive,
        summed.car_sd,
        summed.scar_mean,
        summed.scar_sd,
        summed.scar_sum,
        summed.scar_variance_sum,
        averaged.rbar,
        cast(coalesce(averaged.n_pairs_dropped, 0) as bigint) as n_pairs_dropped,
        -- How many times the variance of a mean grows through the correlation.
        case
            when summed.n_firms = 1 then 1
            else 1 + (summed.n_firms - 1) * averaged.rbar
        end as variance_inflation,
        rank_statistics.rank_rows,
        rank_statistics.window_rank_deviation,
        rank_statistics.window_rank_share,
        rank_statistics.rank_deviation_sd,
        rank_statistics.rank_share_sd,
        grank.grank_z,
        grank.n_estimation_days,
        coalesce(portfolio_statistics.status, 'no_firms') as portfolio_status,
        portfolio_statistics.n_dates as n_portfolio_dates,
        portfolio_statistics.car_sum as portfolio_car_sum,
        portfolio_statistics.car_sd as portfolio_car_sd,
        portfolio_statistics.df as portfolio_df,
        portfolio_statistics.sq_p_lower as portfolio_sq_p_lower,
        portfolio_statistics.sq_p_two_sided as portfolio_sq_p_two_sided,
        portfolio_statistics.caar_sum as crude_caar_sum,
        portfolio_statistics.caar_sd as crude_caar_sd,
        portfolio_statistics.crude_df
    from studies
    cross join groups
    cross join models
    cross join windows
    inner join event_counts on studies.study_id = event_counts.study_id
    left join members
        on
            studies.study_id = members.study_id
            and groups.group_id = members.group_id
            and models.model_id = members.model_id
            and windows.window_id = members.window_id
    left join close_dates on members.pool_number = close_dates.pool_number
    left join summed on members.pool_number = summed.pool_number
    left join signs on members.pool_number = signs.pool_number
    left join averaged on members.pool_number = averaged.pool_number
    left join rank_statistics on members.pool_number = rank_statistics.pool_number
    left join grank on members.pool_number = grank.pool_number
    left join portfolio_statistics
        on members.pool_number = portfolio_statistics.pool_number

)

select * from framed
