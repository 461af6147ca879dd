-- Grain: one row per portfolio and window.
{%- set keys = ['portfolio_number'] %}
with

estimates as (

    select * from {{ ref('int_portfolio_estimates') }}

),

returns as (

    select * from {{ ref('int_portfolio_returns') }}
    where is_around

),

daily as (

    select
        returns.*,
        returns.ret - returns.y + estimates.level
        {{ factor_effect('estimates', 'returns') }} as expected,
        returns.y - (estimates.level {{ factor_effect('estimates', 'returns') }}) as ar
    from returns
    inner join estimates on returns.portfolio_number = estimates.portfolio_number

),

{{ window_returns('daily', 'estimates', keys, 'cars') }},

tested as (

    select
        cars.portfolio_number,
        cars.window_id,
        cars.n_days,
        cars.status,
        estimates.n_est,
        estimates.df_resid,
        estimates.resid_sd,
        cars.car,
        cars.car_sd_pred
    from cars
    inner join estimates on cars.portfolio_number = estimates.portfolio_number

)

select * from tested
