-- Grain: one row per event with data, model, firm and session of its estimate.
{#-
  A view: it is as long as firms times events times sessions, and computing a residual again costs
  less than writing and reading it (docs/benchmarks/event-study.md).
-#}
{{ config(materialized='view') }}
with

fits as (

    select * from {{ ref('int_event_fits') }}

),

{{ estimation_panel('panel') }},

residuals as (

    select
        panel.panel_number,
        panel.firm_number,
        panel.rel_day,
        panel.y - (fits.level {{ factor_effect('fits', 'panel') }}) as residual
    from panel
    inner join fits
        on panel.panel_number = fits.panel_number and panel.firm_number = fits.firm_number

)

select * from residuals
