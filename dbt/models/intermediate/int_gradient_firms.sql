-- Grain: one row per occasion, group, model, exposure metric and firm with a known exposure and a fitted model.
with

occasions as (

    select * from {{ ref('int_occasions') }}

),

members as (

    select * from {{ ref('int_occasion_group_members') }}

),

metrics as (

    select * from {{ ref('int_exposure_metrics') }}

),

estimates as (

    select * from {{ ref('int_event_estimates') }}
    where series_status = 'ok'

),

joined as (

    select
        members.occasion_id,
        members.group_id,
        estimates.model_id,
        metrics.metric,
        estimates.panel_number,
        estimates.firm_number,
        metrics.metric_value
    from members
    inner join occasions on members.occasion_id = occasions.occasion_id
    inner join metrics
        on
            members.occasion_id = metrics.occasion_id
            and members.ticker = metrics.ticker
    inner join estimates
        on
            occasions.leading_event_id = estimates.event_id
            and members.ticker = estimates.ticker

),

summed as (

    select
        *,
        -- One number for the sample's four names.
        cast(
            dense_rank() over (order by occasion_id, group_id, model_id, metric) as integer
        ) as gradient_number,
        count(*) over by_sample as n_known,
        avg(metric_value) over by_sample as metric_mean,
        var_pop(metric_value) over by_sample * count(*) over by_sample as metric_sxx,
        median(metric_value) over by_sample as metric_median,
        max(metric_value) over by_sample as metric_max
    from joined
    window by_sample as (partition by occasion_id, group_id, model_id, metric)

),

sided as (

    -- The more exposed half against the other. Where half the firms and more share the largest
    -- value they are the more exposed side.
    select
        *,
        case
            when metric_median < metric_max then metric_value > metric_median
            else metric_value = metric_max
        end as is_top
    from summed

),

weighted as (

    select
        gradient_number,
        occasion_id,
        group_id,
        model_id,
        metric,
        panel_number,
        firm_number,
        metric_value,
        n_known,
        -- Equal exposures, also when only rounding differs, have no gradient.
        metric_sxx > 1e-12 * n_known * metric_max * metric_max as has_spread,
        is_top,
        (metric_value - metric_mean) / nullif(metric_sxx, 0) as slope_weight,
        case
            when is_top then 1e0 / nullif(count(*) filter (where is_top) over by_sample, 0)
            else -1.0 / nullif(count(*) filter (where not is_top) over by_sample, 0)
        end as long_short_weight
    from sided
    window by_sample as (partition by gradient_number)

)

select * from weighted
