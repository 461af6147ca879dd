-- Grain: one row per event, group, model and window of the equal-weight portfolio.
{%- set keys = ['event_id', 'group_id', 'model_id'] %}
with

portfolio as (

    select * from {{ ref('int_event_group_returns') }}

),

events as (

    select * from {{ ref('int_events') }}

),

lengths as (

    select distinct n_days from {{ ref('int_study_windows') }}

),

estimation as (

    select * from portfolio
    where is_estimation

),

{{ one_factor_fit('estimation', keys, 'fitted') }},

fits as (

    select
        *,
        fit_status as series_status
    from fitted

),

daily as (

    select
        portfolio.event_id,
        portfolio.group_id,
        portfolio.model_id,
        portfolio.rel_day,
        portfolio.ret,
        portfolio.market_return,
        fits.alpha + fits.beta_market * portfolio.market_return as expected,
        portfolio.ret - (fits.alpha + fits.beta_market * portfolio.market_return) as ar
    from portfolio
    inner join fits
        on
            portfolio.event_id = fits.event_id
            and portfolio.group_id = fits.group_id
            and portfolio.model_id = fits.model_id

),

{{ window_returns('daily', 'fits', keys, 'cars') }},

{{ rolling_sums('estimation', 'lengths', keys, 'rolled') }},

{{ residual_quantiles('cars', 'fits', 'rolled', keys, keys, 'events', 'quantiles') }},

tested as (

    select
        cars.event_id,
        cars.group_id,
        cars.model_id,
        cars.window_id,
        cars.n_days,
        cars.status,
        fits.n_est,
        fits.df_resid,
        fits.alpha,
        fits.beta_market,
        fits.resid_sd,
        cars.car,
        cars.car_sd_pred,
        cars.car / nullif(cars.car_sd_pred, 0) as car_t_pred,
        (1.0 + quantiles.n_at_or_below) / (1 + quantiles.n_sums) as sq_p_lower,
        (1.0 + quantiles.n_at_or_beyond) / (1 + quantiles.n_sums) as sq_p_two_sided
    from cars
    inner join fits
        on
            cars.event_id = fits.event_id
            and cars.group_id = fits.group_id
            and cars.model_id = fits.model_id
    left join quantiles
        on
            cars.event_id = quantiles.event_id
            and cars.group_id = quantiles.group_id
            and cars.model_id = quantiles.model_id
            and cars.window_id = quantiles.window_id

)

select * from tested
