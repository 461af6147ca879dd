-- Grain: one row per study (event), group, model, window and exposure metric.
with

occasions as (

    select * from {{ ref('int_occasions') }}

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
        overlaps_estimation
    from {{ ref('int_study_windows') }}

),

metrics as (

    select unnest(['hpc_contracted_mw', 'hpc_mw_share']) as metric

),

gradient_firms as (

    select * from {{ ref('int_gradient_firms') }}

),

firm_windows as (

    select * from {{ ref('int_event_windows') }}
    where status = 'ok'

),

regressions as (

    select * from {{ ref('int_gradient_regressions') }}

),

permutations as (

    select * from {{ ref('int_gradient_permutations') }}

),

portfolios as (

    select * from {{ ref('int_portfolios') }}

),

portfolio_windows as (

    select * from {{ ref('int_portfolio_windows') }}

),

quantiles as (

    select * from {{ ref('int_portfolio_quantiles') }}

),

firm_counts as (

    select
        gradient_firms.occasion_id,
        gradient_firms.group_id,
        gradient_firms.model_id,
        firm_windows.window_id,
        gradient_firms.metric,
        count(*) as n_firms
    from gradient_firms
    inner join firm_windows
        on
            gradient_firms.panel_number = firm_windows.panel_number
            and gradient_firms.firm_number = firm_windows.firm_number
    group by
        gradient_firms.occasion_id, gradient_firms.group_id, gradient_firms.model_id,
        firm_windows.window_id, gradient_firms.metric

),

permutation_p as (

    select
        regressions.occasion_id,
        regressions.group_id,
        regressions.model_id,
        regressions.window_id,
        regressions.metric,
        (
            1.0 + coalesce(
                sum(permutations.n_draws) filter (
                    where abs(permutations.rank_product) >= abs(regressions.rank_product)
                ),
                0
            )
        ) / (1 + sum(permutations.n_draws)) as spearman_p
    from regressions
    inner join permutations
        on
            regressions.metric_ranks = permutations.metric_ranks
            and regressions.car_ranks = permutations.car_ranks
    group by
        regressions.occasion_id, regressions.group_id, regressions.model_id,
        regressions.window_id, regressions.metric

),

portfolio_results as (

    select
        portfolios.portfolio_kind,
        portfolios.occasion_id,
        portfolios.group_id,
        portfolios.model_id,
        portfolios.metric,
        portfolio_windows.window_id,
        portfolio_windows.df_resid,
        portfolio_windows.car / nullif(portfolio_windows.car_sd_pred, 0) as car_t_pred,
        portfolio_windows.status,
        quantiles.sq_p_two_sided
    from portfolios
    inner join portfolio_windows
        on portfolios.portfolio_number = portfolio_windows.portfolio_number
    left join quantiles
        on
            portfolios.portfolio_number = quantiles.portfolio_number
            and portfolio_windows.window_id = quantiles.window_id
    where portfolios.portfolio_kind <> 'equal_weight'

),

joined as (

    select
        occasions.occasion_id as study_id,
        groups.group_id,
        models.model_id,
        windows.window_id,
        metrics.metric,
        coalesce(firm_counts.n_firms, 0) as n,
        regressions.slope,
        regressions.slope / nullif(regressions.slope_se_hc3, 0) as slope_t_hc3,
        slopes.car_t_pred as slope_t_portfolio,
        {{ student_t_two_sided_p('slopes.car_t_pred', 'slopes.df_resid') }} as p_portfolio,
        slopes.sq_p_two_sided as sq_p,
        regressions.spearman,
        permutation_p.spearman_p,
        regressions.loo_min,
        regressions.loo_max,
        regressions.n_loo_undefined,
        regressions.long_short_return,
        long_short.car_t_pred as long_short_t,
        models.is_headline as is_headline_model,
        case
            when windows.overlaps_estimation then 'overlaps_estimation'
            when coalesce(firm_counts.n_firms, 0) < {{ var('min_gradient_firms') }}
                then 'cannot_tell'
            when regressions.slope is null then 'no_spread'
            else coalesce(slopes.status, 'incomplete_window')
        end as status
    from occasions
    cross join groups
    cross join models
    cross join windows
    cross join metrics
    left join firm_counts
        on
            occasions.occasion_id = firm_counts.occasion_id
            and groups.group_id = firm_counts.group_id
            and models.model_id = firm_counts.model_id
            and windows.window_id = firm_counts.window_id
            and metrics.metric = firm_counts.metric
    left join regressions
        on
            occasions.occasion_id = regressions.occasion_id
            and groups.group_id = regressions.group_id
            and models.model_id = regressions.model_id
            and windows.window_id = regressions.window_id
            and metrics.metric = regressions.metric
    left join permutation_p
        on
            occasions.occasion_id = permutation_p.occasion_id
            and groups.group_id = permutation_p.group_id
            and models.model_id = permutation_p.model_id
            and windows.window_id = permutation_p.window_id
            and metrics.metric = permutation_p.metric
    left join portfolio_results as slopes
        on
            occasions.occasion_id = slopes.occasion_id
            and slopes.portfolio_kind = 'exposure_slope'
            and groups.group_id = slopes.group_id
            and models.model_id = slopes.model_id
            and windows.window_id = slopes.window_id
            and metrics.metric = slopes.metric
    left join portfolio_results as long_short
        on
            occasions.occasion_id = long_short.occasion_id
            and long_short.portfolio_kind = 'long_short'
            and groups.group_id = long_short.group_id
            and models.model_id = long_short.model_id
            and windows.window_id = long_short.window_id
            and metrics.metric = long_short.metric
    -- Dates that only a set merges are no study of their own.
    where len(occasions.event_ids) = 1

)

select * from joined
order by study_id, group_id, model_id, window_id, metric
