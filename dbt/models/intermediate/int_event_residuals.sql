-- Grain: one row per event with data, model, firm and session of its estimate.
{#-
  A view: it is as long as firms times events times sessions, and computing a residual again costs
  less than writing and reading it (docs/decisions.md).
-#}
{{ config(materialized='view') }}
with

fits as (

    select * from {{ ref('int_event_fits') }}

),

{{ estimation_panel('panel') }},

{{ estimation_residuals('panel', 'fits', 'residuals') }}

select * from residuals
