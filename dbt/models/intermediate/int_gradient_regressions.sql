-- Grain: one row per gradient sample (occasion, group, model, exposure metric) and window with a firm that has both.
with

gradient_firms as (

    select * from {{ ref('int_gradient_firms') }}

),

firm_windows as (

    select * from {{ ref('int_event_windows') }}
    where status = 'ok'

),

observed as (

    select
        gradient_firms.gradient_number,
        firm_windows.window_id,
        gradient_firms.firm_number,
        gradient_firms.metric_value,
        gradient_firms.is_top,
        firm_windows.car
    from gradient_firms
    inner join firm_windows
        on
            gradient_firms.panel_number = firm_windows.panel_number
            and gradient_firms.firm_number = firm_windows.firm_number

),

centred as (

    select
        *,
        count(*) over by_sample as n_firms,
        metric_value - avg(metric_value) over by_sample as metric_deviation,
        car - avg(car) over by_sample as car_deviation,
        {{ mean_rank('by_metric') }} as metric_rank,
        {{ mean_rank('by_car') }} as car_rank
    from observed
    window
        by_sample as (partition by gradient_number, window_id),
        by_metric as (
            partition by gradient_number, window_id
            order by metric_value
        ),
        by_car as (
            partition by gradient_number, window_id
            order by {{ tie_value('car') }}
        )

),

squared as (

    select
        *,
        sum(metric_deviation * metric_deviation) over by_sample as metric_sxx,
        sum(metric_deviation * car_deviation) over by_sample as metric_car_sxy,
        max(abs(metric_value)) over by_sample as metric_scale
    from centred
    window by_sample as (partition by gradient_number, window_id)

),

fitted as (

    select
        *,
        metric_car_sxy / metric_sxx as slope,
        car_deviation - metric_car_sxy / metric_sxx * metric_deviation as residual,
        1 - 1e0 / n_firms - metric_deviation * metric_deviation / metric_sxx as leverage_left
    from squared
    where
        n_firms >= {{ var('min_gradient_firms') }}
        and metric_sxx > 1e-12 * n_firms * metric_scale * metric_scale

),

judged as (

    -- A firm that alone carries the slope has leverage 1: without it there is no slope.
    select
        *,
        case when leverage_left > 1e-12 then leverage_left end as unleveraged
    from fitted

),

regressed as (

    select
        gradient_number,
        window_id,
        any_value(slope) as slope,
        -- HC3 (MacKinnon and White 1985); undefined where one firm carries the slope alone.
        case
            when count(unleveraged) = count(*)
                then
                    sqrt(sum(power(metric_deviation * residual / unleveraged, 2)))
                    / any_value(metric_sxx)
        end as slope_se_hc3,
        min(slope - metric_deviation * residual / unleveraged / metric_sxx) as loo_min,
        max(slope - metric_deviation * residual / unleveraged / metric_sxx) as loo_max,
        count(*) - count(unleveraged) as n_loo_undefined,
        corr(metric_rank, car_rank) as spearman,
        -- Centred, doubled ranks are whole numbers: their product sum orders permutations exactly.
        cast(
            round(sum((2 * metric_rank - n_firms - 1) * (2 * car_rank - n_firms - 1))) as bigint
        ) as rank_product,
        {{ list_of('cast(round(2 * metric_rank) as bigint)', ['metric_rank', 'firm_number']) }}
            as metric_ranks,
        {{ list_of('cast(round(2 * car_rank) as bigint)', ['car_rank', 'firm_number']) }} as car_ranks,
        avg(case when is_top then car end) - avg(case when not is_top then car end)
            as long_short_return
    from judged
    group by gradient_number, window_id

),

counted as (

    -- Too few firms and equal exposures have no slope, but are counted.
    select
        gradient_number,
        window_id,
        count(*) as n_firms
    from observed
    group by gradient_number, window_id

),

joined as (

    select
        counted.gradient_number,
        counted.window_id,
        counted.n_firms,
        regressed.slope,
        regressed.slope_se_hc3,
        regressed.loo_min,
        regressed.loo_max,
        regressed.n_loo_undefined,
        regressed.spearman,
        regressed.rank_product,
        regressed.metric_ranks,
        regressed.car_ranks,
        regressed.long_short_return
    from counted
    left join regressed
        on
            counted.gradient_number = regressed.gradient_number
            and counted.window_id = regressed.window_id

)

select * from joined
