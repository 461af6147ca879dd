-- Grain: one row per scanned session and session, it or of its estimation window, on which every factor has a return.
with

scan_models as (

    select * from {{ ref('int_scan_models') }}

),

scan_factors as (

    select * from {{ ref('int_scan_factors') }}

),

span as (

    select
        0 as first_day,
        0 as last_day

),

{{ panel_basis('scan_models', 'scan_factors', 'span', 'orthogonal') }}

select * from orthogonal
