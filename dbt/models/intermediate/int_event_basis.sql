-- Grain: one row per event with data, model and session, in or near its windows, on which every factor has a return.
with

event_models as (

    select * from {{ ref('int_event_models') }}

),

event_factors as (

    select * from {{ ref('int_event_factors') }}

),

span as (

    select * from {{ ref('int_study_span') }}

),

{{ panel_basis('event_models', 'event_factors', 'span', 'orthogonal') }}

select * from orthogonal
