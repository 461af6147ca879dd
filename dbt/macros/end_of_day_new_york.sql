{#-
  The UTC instant at which a New York day ends: a fact known to the day may be used
  only from then on. Missing stays missing.
-#}
{% macro end_of_day_new_york(date_column) -%}
    {{ return(adapter.dispatch('end_of_day_new_york', 'miner_warehouse')(date_column)) }}
{%- endmacro %}

{% macro duckdb__end_of_day_new_york(date_column) -%}
    timezone('UTC', timezone('America/New_York', cast({{ date_column }} + 1 as timestamp)))
{%- endmacro %}
