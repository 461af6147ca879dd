-- Grain: one row per study (event), group, model, window and exposure metric.
with

occasions as (

    select * from {{ ref('int_occasions') }}

),

groups as (

    select group_id from {{ ref('stg_study_groups') }}

),

events as (

    select
        event_id,
        estimation_first_day,
        estimation_last_day
    from {{ ref('int_events') }}

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
        first_day,
        last_day
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

gradients as (

    select * from {{ ref('int_exposure_gradients') }}

),

joined as (

    select
        occasions.occasion_id as study_id,
        groups.group_id,
        models.model_id,
        windows.window_id,
        metrics.metric,
        coalesce(gradients.n, 0) as n,
        gradients.slope,
        gradients.slope_t_hc3,
        gradients.slope_t_portfolio,
        gradients.p_portfolio,
        gradients.sq_p,
        gradients.spearman,
        gradients.spearman_p,
        gradients.loo_min,
        gradients.loo_max,
        gradients.n_loo_undefined,
        gradients.long_short_return,
        gradients.long_short_t,
        models.is_headline as is_headline_model,
        metrics.known_words,
        metrics.unit,
        metrics.unit_words,
        coalesce(
            gradients.status,
            case
                when
                    windows.first_day <= events.estimation_last_day
                    and windows.last_day >= events.estimation_first_day
                    then 'overlaps_estimation'
            end,
            'cannot_tell'
        ) as status
    from occasions
    cross join groups
    cross join models
    cross join windows
    cross join metrics
    inner join events on occasions.leading_event_id = events.event_id
    left join gradients
        on
            occasions.occasion_id = gradients.event_id
            and groups.group_id = gradients.group_id
            and models.model_id = gradients.model_id
            and windows.window_id = gradients.window_id
            and metrics.metric = gradients.metric
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
