-- Grain: one row per event with data, model and factor number.
with

event_models as (

    select * from {{ ref('int_event_models') }}

),

{{ panel_factors('event_models', ['event_id', 'model_id'], 'chosen') }}

select * from chosen
