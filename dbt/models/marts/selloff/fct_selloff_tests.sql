-- Grain: one row per study, group, model, window and test.
with

statistics as (

    select * from {{ ref('int_study_statistics') }}

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
    -- at the significance level, two-sided.
    select
        portfolio_df,
        {{ student_t_quantile('1 - ' ~ var('significance_level') ~ ' / 2', 'portfolio_df') }}
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
            when statistics.pool_status <> 'ok' then statistics.pool_status
            when statistics.n_firms < tests.min_firms then 'too_few_firms'
            -- A window longer than any run of quiet sessions has nothing to be compared with.
            when
                tests.test_id = 'sample_quantile'
                and statistics.portfolio_status = 'ok'
                and statistics.portfolio_sq_p_lower is null
                then 'insufficient'
            when tests.test_id in ('portfolio_t', 'sample_quantile')
                then statistics.portfolio_status
            when tests.test_id = 'portfolio_crude' and statistics.crude_caar_sd > 0 then 'ok'
            when tests.test_id = 'portfolio_crude' then 'no_spread'
            when tests.test_id = 'cross_sectional_t' and statistics.car_sd is null
                then 'no_spread'
            when
                tests.test_id in ('bmp', 'kolari_pynnonen', 'grank_t')
                and statistics.scar_sd is null
                then 'no_spread'
            when
                tests.test_id in ('patell', 'patell_adjusted')
                and statistics.scar_variance_sum is null
                then 'insufficient'
            when
                tests.test_id = 'generalized_sign'
                and (
                    statistics.expected_share_positive <= 0
                    or statistics.expected_share_positive >= 1
                )
                then 'no_spread'
            when
                tests.test_id in ('kolari_pynnonen', 'patell_adjusted')
                and statistics.rbar is null
                then 'no_correlation'
            when
                tests.test_id = 'kolari_pynnonen'
                and (statistics.variance_inflation <= 0 or statistics.rbar >= 1)
                then 'adjustment_undefined'
            when tests.test_id = 'patell_adjusted' and statistics.variance_inflation <= 0
                then 'adjustment_undefined'
            when
                tests.test_id = 'corrado_rank'
                and coalesce(statistics.rank_deviation_sd, 0) = 0
                then 'no_spread'
            when
                tests.test_id = 'corrado_zivney' and coalesce(statistics.rank_share_sd, 0) = 0
                then 'no_spread'
            when
                tests.test_id = 'grank_t'
                and coalesce(
                    power(statistics.grank_z, 2) >= statistics.n_estimation_days, true
                )
                then 'adjustment_undefined'
            else 'ok'
        end as status,
        statistics.caar / nullif(statistics.car_sd, 0) * sqrt(statistics.n_firms)
            as cross_sectional_t,
        statistics.scar_sum / nullif(sqrt(statistics.scar_variance_sum), 0) as patell_z,
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
            when test_id = 'patell' then patell_z
            when test_id = 'bmp' then bmp_t
            when test_id = 'generalized_sign'
                then
                    (n_positive - n_firms * expected_share_positive)
                    / sqrt(n_firms * expected_share_positive * (1 - expected_share_positive))
            when test_id = 'kolari_pynnonen' then bmp_t * sqrt((1 - rbar) / variance_inflation)
            when test_id = 'patell_adjusted' then patell_z / sqrt(variance_inflation)
            when test_id = 'portfolio_t' then portfolio_car_sum / portfolio_car_sd
            when test_id = 'portfolio_crude' then crude_caar_sum / crude_caar_sd
            when test_id = 'corrado_rank'
                then window_rank_deviation / sqrt(n_days) / rank_deviation_sd
            when test_id = 'corrado_zivney'
                then window_rank_share / sqrt(n_days) / rank_share_sd
            when test_id = 'grank_t'
                then
                    grank_z * sqrt(
                        (n_estimation_days - 1)
                        / nullif(n_estimation_days - power(grank_z, 2), 0)
                    )
            when test_id = 'sample_quantile' then portfolio_car_sum / n_portfolio_dates
        end as statistic,
        case
            when status <> 'ok' then null
            when test_id in ('cross_sectional_t', 'bmp') then n_firms - 1
            when test_id = 'portfolio_t' then portfolio_df
            when test_id = 'portfolio_crude' then crude_df
            when test_id = 'grank_t' then n_estimation_days - 1
        end as df
    from computed

),

with_two_sided_p as (

    select
        *,
        -- The macros below span lines, which the linter indents by their text.
        case  -- noqa: LT02
            when status <> 'ok' then null
            when reference_dist = 'student_t'
                then {{ student_t_two_sided_p('statistic', 'df') }}
            when reference_dist = 'normal' then {{ normal_two_sided_p('statistic') }}
            when reference_dist = 'empirical' then portfolio_sq_p_two_sided
        end as p_two_sided,
        case
            when test_id = 'kolari_pynnonen' and n_firms < 30
                then {{ student_t_two_sided_p('statistic', 'n_firms - 1') }}
        end as p_two_sided_t
    from chosen

),

with_p as (

    -- The other distributions are symmetric.
    select
        *,
        case
            when status <> 'ok' then null
            when reference_dist = 'empirical' then portfolio_sq_p_lower
            when statistic > 0 then 1 - p_two_sided / 2
            else p_two_sided / 2
        end as p_lower
    from with_two_sided_p

),

reported as (

    select
        with_p.study_id,
        with_p.group_id,
        with_p.model_id,
        with_p.window_id,
        with_p.test_id,
        with_p.n_events,
        with_p.n_dates,
        with_p.n_overlapping_dates,
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
        case
            when with_p.test_id in ('corrado_rank', 'corrado_zivney') then with_p.rank_rows
        end as rank_rows,
        with_p.assumes_independence,
        with_p.is_default_headline and with_p.is_headline_model as is_headline,
        -- For several dates: of the mean over the dates.
        detectable.n_standard_errors * with_p.portfolio_car_sd / with_p.n_portfolio_dates
            as mde_80pct,
        with_p.status,
        with_p.note
    from with_p
    left join detectable on with_p.portfolio_df = detectable.portfolio_df

)

select * from reported
order by study_id, group_id, model_id, window_id, test_id
