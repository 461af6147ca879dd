{#- Average rank of tied values: half way between the first and the last of them. -#}
{% macro mean_rank(window_name) -%}
    (rank() over {{ window_name }} + count(*) over {{ window_name }}) / 2
{%- endmacro %}

{#- A return for ranking: two that differ by rounding are tied. Adding and taking away 2^12 leaves a
    multiple of 2^-40, as dagster_project/event_study/ranks.py does. -#}
{% macro tie_value(value) -%}
    ({{ value }} + 4096::double) - 4096::double
{%- endmacro %}
