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

    -- `unit` is the step of exposure that the sentence names, so that its effect has a size a
    -- person can picture.
    select
        listed.metric,
        listed.known_words,
        listed.unit,
        listed.unit_words
    from (
        values
        ('hpc_contracted_mw', 'known contracted AI megawatts', 100e0, '100 MW'),
        ('hpc_mw_share', 'a known AI share of power', 1e-1, 'tenth of power in AI'),
        ('ai_tilt', 'a known tilt to AI', 1e-1, 'tenth of tilt to AI')
    ) as listed (metric, known_words, unit, unit_words)

),

samples as (

    select distinct
        gradient_number,
        occasion_id,
        group_id,
        model_id,
        metric
    from {{ ref('int_gradient_firms') }}

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

permutation_p as (

    select
        regressions.gradient_number,
        regressions.window_id,
        (
            1e0 + coalesce(
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
    group by regressions.gradient_number, regressions.window_id

),

portfolio_results as (

    select
        portfolios.portfolio_kind,
        portfolios.gradient_number,
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
        coalesce(regressions.n_firms, 0) as n,
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
        metrics.known_words,
        metrics.unit,
        metrics.unit_words,
        case
            when windows.overlaps_estimation then 'overlaps_estimation'
            when coalesce(regressions.n_firms, 0) < {{ var('min_gradient_firms') }}
                then 'cannot_tell'
            when regressions.slope is null then 'no_spread'
            else coalesce(slopes.status, 'incomplete_window')
        end as status
    from occasions
    cross join groups
    cross join models
    cross join windows
    cross join metrics
    left join samples
        on
            occasions.occasion_id = samples.occasion_id
            and groups.group_id = samples.group_id
            and models.model_id = samples.model_id
            and metrics.metric = samples.metric
    left join regressions
        on
            samples.gradient_number = regressions.gradient_number
            and windows.window_id = regressions.window_id
    left join permutation_p
        on
            samples.gradient_number = permutation_p.gradient_number
            and windows.window_id = permutation_p.window_id
    left join portfolio_results as slopes
        on
            samples.gradient_number = slopes.gradient_number
            and windows.window_id = slopes.window_id
            and slopes.portfolio_kind = 'exposure_slope'
    left join portfolio_results as long_short
        on
            samples.gradient_number = long_short.gradient_number
            and windows.window_id = long_short.window_id
            and long_short.portfolio_kind = 'long_short'
    -- Dates that only a set merges are no study of their own.
    where {{ list_size('occasions.event_ids') }} = 1

),

judged as (

    select
        *,
        slope_t_portfolio is not null
        and p_portfolio <= {{ var('significance_level') }} as is_portfolio_significant,
        coalesce(sq_p <= {{ var('significance_level') }}, false) as is_quantile_significant,
        -- A slope that one firm carries, or whose sign one firm decides, says nothing of the rest.
        n_loo_undefined > 0 or loo_min * loo_max <= 0 as is_one_firm
    from joined

),

decided as (

    select
        *,
        case
            when status <> 'ok' then 'cannot_tell'
            when not is_portfolio_significant and not is_quantile_significant
                then 'not_significant'
            when is_one_firm then 'rests_on_one_firm'
            when not is_portfolio_significant or not is_quantile_significant then 'mixed'
            when slope < 0 then 'more_exposed_did_worse'
            else 'more_exposed_did_better'
        end as verdict_id
    from judged

),

phrased as (

    select
        *,
        'over ' || {{ count_in_words('n', 'firm') }} || ' each further ' || unit_words
        || ' went with ' || {{ percent_in_words('unit * slope') }} || ' of abnormal return'
            as finding,
        coalesce(
            'portfolio t ' || {{ with_decimals('slope_t_portfolio', 2) }} || ', p '
            || {{ p_in_words('p_portfolio') }},
            'portfolio t has no value'
        )
        || '; '
        || coalesce(
            'sample quantile p ' || {{ p_in_words('sq_p') }}, 'sample quantile has no value'
        ) as evidence,
        case
            when n_loo_undefined > 0 then 'Without one firm there is no slope at all.'
            else
                'Leaving one firm out gives ' || {{ percent_in_words('unit * loo_min') }} || ' to '
                || {{ percent_in_words('unit * loo_max') }} || '.'
        end as robustness
    from decided

),

worded as (

    select
        *,
        case
            when status = 'overlaps_estimation'
                then
                    'Cannot tell: the window reaches into the sessions that teach the normal '
                    'return.'
            when status = 'cannot_tell'
                then
                    'Cannot tell: ' || {{ count_in_words('n', 'firm') }} || ' with '
                    || known_words || ', {{ var("min_gradient_firms") }} needed.'
            when status = 'no_spread'
                then 'Cannot tell: all ' || cast(n as string) || ' firms are equally exposed.'
            when status <> 'ok'
                then
                    'Cannot tell: ' || finding || ', but the portfolio that would test it has no '
                    'figures in this window (' || status || ').'
            when verdict_id = 'not_significant'
                then
                    'Not told from chance: ' || finding || ' (' || evidence || '). ' || robustness
            when verdict_id = 'rests_on_one_firm'
                then 'Rests on one firm: ' || finding || ' (' || evidence || '). ' || robustness
            when verdict_id = 'mixed'
                then
                    'The tests disagree: ' || finding || ' (' || evidence || '). ' || robustness
            when verdict_id = 'more_exposed_did_worse'
                then
                    'The more exposed did worse than chance explains: ' || finding || ' ('
                    || evidence || '). ' || robustness
            else
                'The more exposed did better than chance explains: ' || finding || ' ('
                || evidence || '). ' || robustness
        end as verdict
    from phrased

),

reported as (

    select
        study_id,
        group_id,
        model_id,
        window_id,
        metric,
        n,
        slope,
        slope_t_hc3,
        slope_t_portfolio,
        p_portfolio,
        sq_p,
        spearman,
        spearman_p,
        loo_min,
        loo_max,
        n_loo_undefined,
        long_short_return,
        long_short_t,
        is_headline_model,
        status,
        verdict_id,
        verdict
    from worded

)

select * from reported
order by study_id, group_id, model_id, window_id, metric
