-- Grain: one row per scanned session.
with

scan_models as (

    select * from {{ ref('int_scan_models') }}

),

scan_factors as (

    select * from {{ ref('int_scan_factors') }}

),

basis as (

    select * from {{ ref('int_scan_basis') }}

),

{{ panels_of('scan_models', 'scan_factors', 'basis', 'joined') }}

select * from joined
