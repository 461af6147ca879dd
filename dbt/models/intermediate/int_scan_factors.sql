-- Grain: one row per scanned session and factor number.
with

scan_models as (

    select * from {{ ref('int_scan_models') }}

),

{{ panel_factors('scan_models', ['model_id'], 'chosen') }}

select * from chosen
