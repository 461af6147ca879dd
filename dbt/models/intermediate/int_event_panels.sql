-- Grain: one row per event with data and model.
with

event_models as (

    select * from {{ ref('int_event_models') }}

),

event_factors as (

    select * from {{ ref('int_event_factors') }}

),

basis as (

    select * from {{ ref('int_event_basis') }}

),

{{ panels_of('event_models', 'event_factors', 'basis', 'joined') }}

select * from joined
