-- Grain: one row per portfolio and session of its estimate.
with

panel as (

    select * from {{ ref('int_portfolio_returns') }}
    where is_estimation

),

estimates as (

    select * from {{ ref('int_portfolio_estimates') }}
    where series_status = 'ok'

),

residuals as (

    select
        panel.portfolio_number,
        panel.rel_day,
        panel.y - (estimates.level {{ factor_effect('estimates', 'panel') }}) as residual
    from panel
    inner join estimates on panel.portfolio_number = estimates.portfolio_number

)

select * from residuals
