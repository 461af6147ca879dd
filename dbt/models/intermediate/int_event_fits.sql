-- Grain: one row per event with data, model and firm with a return in the estimation window.
{%- set keys = ['panel_number', 'firm_number'] %}
with

{{ estimation_panel('panel') }},

{{ least_squares('panel', keys, 'fitted') }}

select * from fitted
