-- Grain: one row per event, firm, model and window.
{%- set keys = ['event_id', 'ticker', 'model_id'] %}
with

estimates as (

    select * from {{ ref('int_event_estimates') }}

),

daily as (

    select * from {{ ref('int_event_daily') }}

),

rolled as (

    select * from {{ ref('int_study_rolling_returns') }}

),

events as (

    select * from {{ ref('int_events') }}

),

{{ window_returns('daily', 'estimates', keys, 'cars') }},

{{ residual_quantiles(
    'cars', 'estimates', 'rolled', keys, ['model_id', 'ticker'], 'events', 'quantiles'
) }},

tested as (

    select
        cars.event_id,
        cars.ticker,
        cars.model_id,
        cars.window_id,
        cars.n_days,
        cars.status,
        estimates.df_resid,
        estimates.n_est,
        cars.raw_return,
        cars.expected_return,
        cars.car,
        cars.bhar,
        cars.car_sd_pred,
        cars.car / nullif(cars.car_sd_simple, 0) as car_t_simple,
        cars.car / nullif(cars.car_sd_pred, 0) as car_t_pred,
        quantiles.n_sums as n_quantile_sums,
        (1.0 + quantiles.n_at_or_below) / (1 + quantiles.n_sums) as sq_p_lower,
        (1.0 + quantiles.n_at_or_beyond) / (1 + quantiles.n_sums) as sq_p_two_sided
    from cars
    inner join estimates
        on
            cars.event_id = estimates.event_id
            and cars.ticker = estimates.ticker
            and cars.model_id = estimates.model_id
    left join quantiles
        on
            cars.event_id = quantiles.event_id
            and cars.ticker = quantiles.ticker
            and cars.model_id = quantiles.model_id
            and cars.window_id = quantiles.window_id

),

with_p as (

    select
        *,
        {{ student_t_two_sided_p('car_t_pred', 'df_resid') }} as car_p_pred
    from tested

)

select * from with_p
