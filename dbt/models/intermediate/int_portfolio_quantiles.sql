-- Grain: one row per exposure-slope portfolio and window with an abnormal return.
{%- set keys = ['portfolio_number'] %}
with

slopes as (

    select portfolio_number from {{ ref('int_portfolios') }}
    where portfolio_kind = 'exposure_slope'

),

cars as (

    select portfolio_windows.*
    from {{ ref('int_portfolio_windows') }} as portfolio_windows
    inner join slopes on portfolio_windows.portfolio_number = slopes.portfolio_number
    where portfolio_windows.status = 'ok'

),

residuals as (

    select portfolio_residuals.*
    from {{ ref('int_portfolio_residuals') }} as portfolio_residuals
    inner join slopes on portfolio_residuals.portfolio_number = slopes.portfolio_number

),

{{ rolling_residuals('residuals', keys, 'rolled') }},

{{ residual_quantiles('cars', 'rolled', keys, 'quantiles') }},

shares as (

    select
        portfolio_number,
        window_id,
        (1e0 + n_at_or_below) / (1 + n_sums) as sq_p_lower,
        (1e0 + n_at_or_beyond) / (1 + n_sums) as sq_p_two_sided
    from quantiles

)

select * from shares
