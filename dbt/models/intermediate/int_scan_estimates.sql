-- Grain: one row per scanned session whose portfolio has a return in its estimation window.
{%- set keys = ['panel_number'] %}
with

panel as (

    select * from {{ ref('int_scan_returns') }}
    where is_estimation

),

scan_panels as (

    select * from {{ ref('int_scan_panels') }}

),

{{ least_squares('panel', keys, 'fitted', 'scan_panels') }},

residuals as (

    select
        panel.panel_number,
        panel.y - (fitted.level {{ factor_effect('fitted', 'panel') }}) as residual
    from panel
    inner join fitted on panel.panel_number = fitted.panel_number

),

{{ judged_fits('fitted', 'residuals', keys, 'judged', 'scan_panels') }}

select * from judged
