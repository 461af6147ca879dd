-- Grain: one row per study, group, model, window and test.
with

statistics as (

    select * from {{ ref('int_event_group_statistics') }}

),

tests as (

    select * from {{ ref('int_study_tests') }}

),

portfolio_dfs as (

    select distinct portfolio_df from statistics
    where portfolio_df is not null

),

detectable as (

    -- Standard errors that a true effect must measure to be found in four of five such samples
    -- at the 5% level, two-sided.
    select
        portfolio_df,
        {{ student_t_quantile(0.975, 'portfolio_df') }}
        + {{ student_t_quantile(0.8, 'portfolio_df') }} as n_standard_errors
    from portfolio_dfs

),

computed as (

    select
        statistics.*,
        tests.test_id,
        tests.reference_dist,
        tests.assumes_independence,
        tests.is_default_headline,
        tests.note,
        case
            when statistics.n_firms = 0 then 'no_firms'
            when statistics.n_firms < tests.min_firms then 'too_few_firms'
            when tests.test_id in ('portfolio_t', 'sample_quantile')
                then statistics.portfolio_status
            when tests.test_id = 'cross_sectional_t' and statistics.car_sd is null
                then 'no_spread'
            when
                tests.test_id in ('bmp', 'kolari_pynnonen') and statistics.scar_sd is null
                then 'no_spread'
            when tests.test_id = 'patell' and statistics.scar_variance_sum is null
                then 'insufficient'
            when tests.test_id = 'kolari_pynnonen' and statistics.rbar is null
                then 'no_correlation'
            when
                tests.test_id = 'kolari_pynnonen'
                and (statistics.variance_inflation <= 0 or statistics.rbar >= 1)
                then 'adjustment_undefined'
            else 'ok'
        end as status,
        statistics.caar / nullif(statistics.car_sd, 0) * sqrt(statistics.n_firms)
            as cross_sectional_t,
        statistics.scar_mean / nullif(statistics.scar_sd, 0) * sqrt(statistics.n_firms) as bmp_t
    from statistics
    cross join tests

),

chosen as (

    select
        *,
        case
            when status <> 'ok' then null
            when test_id = 'cross_sectional_t' then cross_sectional_t
            when test_id = 'patell' then scar_sum / sqrt(scar_variance_sum)
            when test_id = 'bmp' then bmp_t
            when test_id = 'kolari_pynnonen' then bmp_t * sqrt((1 - rbar) / variance_inflation)
            when test_id = 'portfolio_t' then portfolio_t_pred
            when test_id = 'sample_quantile' then portfolio_car
        end as statistic,
        case
            when status <> 'ok' then null
            when test_id in ('cross_sectional_t', 'bmp') then n_firms - 1
            when test_id = 'portfolio_t' then portfolio_df
        end as df
    from computed

),

with_tails as (

    select
        *,
        {{ student_t_two_sided_p('statistic', 'df') }} as student_two_sided_p,
        {{ student_t_lower_p('statistic', 'df') }} as student_lower_p,
        {{ student_t_two_sided_p('statistic', 'n_firms - 1') }} as student_firms_two_sided_p,
        {{ normal_two_sided_p('statistic') }} as normal_two_sided_p,
        {{ normal_lower_p('statistic') }} as normal_lower_p
    from chosen

),

with_p as (

    select
        *,
        case
            when status <> 'ok' then null
            when reference_dist = 'student_t' then student_two_sided_p
            when reference_dist = 'normal' then normal_two_sided_p
            when reference_dist = 'empirical' then portfolio_sq_p_two_sided
        end as p_two_sided,
        case
            when status <> 'ok' then null
            when reference_dist = 'student_t' then student_lower_p
            when reference_dist = 'normal' then normal_lower_p
            when reference_dist = 'empirical' then portfolio_sq_p_lower
        end as p_lower,
        case
            when test_id = 'kolari_pynnonen' and n_firms < 30 then student_firms_two_sided_p
        end as p_two_sided_t
    from with_tails

),

reported as (

    select
        with_p.event_id as study_id,
        with_p.group_id,
        with_p.model_id,
        with_p.window_id,
        with_p.test_id,
        with_p.n_firms,
        with_p.n_firms_dropped,
        with_p.caar,
        with_p.median_car,
        with_p.share_negative,
        with_p.statistic,
        with_p.reference_dist,
        with_p.df,
        with_p.p_two_sided,
        with_p.p_lower,
        with_p.p_two_sided_t,
        with_p.rbar,
        with_p.n_pairs_dropped,
        case
            when with_p.variance_inflation > 0 then with_p.n_firms / with_p.variance_inflation
        end as effective_n,
        with_p.assumes_independence,
        with_p.is_default_headline and with_p.is_headline_model as is_headline,
        detectable.n_standard_errors * with_p.portfolio_sd_pred as mde_80pct,
        with_p.status,
        with_p.note
    from with_p
    left join detectable on with_p.portfolio_df = detectable.portfolio_df

)

select * from reported
order by study_id, group_id, model_id, window_id, test_id
