-- Grain: one row per portfolio with a return in its estimation window.
{%- set keys = ['panel_number', 'portfolio_number'] %}
with

panel as (

    select * from {{ ref('int_portfolio_returns') }}
    where is_estimation

),

{{ least_squares('panel', keys, 'fitted') }},

residuals as (

    select
        panel.panel_number,
        panel.portfolio_number,
        panel.y - (fitted.level {{ factor_effect('fitted', 'panel') }}) as residual
    from panel
    inner join fitted on panel.portfolio_number = fitted.portfolio_number

),

{{ judged_fits('fitted', 'residuals', keys, 'judged') }},

named as (

    select
        *,
        fit_status as series_status
    from judged

)

select * from named
