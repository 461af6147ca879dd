-- Grain: one row per event, firm, model and window.
{%- set keys = ['event_id', 'ticker', 'model_id'] %}
with

estimates as (

    select * from {{ ref('int_event_estimates') }}

),

daily as (

    select * from {{ ref('int_event_daily') }}

),

{{ window_returns('daily', 'estimates', keys, 'cars') }},

tested as (

    select
        cars.event_id,
        cars.ticker,
        cars.model_id,
        cars.window_id,
        estimates.panel_number,
        estimates.firm_number,
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
        cars.car / nullif(cars.car_sd_pred, 0) as car_t_pred
    from cars
    inner join estimates
        on
            cars.event_id = estimates.event_id
            and cars.ticker = estimates.ticker
            and cars.model_id = estimates.model_id

)

select * from tested
