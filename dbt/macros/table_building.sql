{#-
  How the table of a model comes about on DuckDB: from Spark's files where Spark has computed it
  (spark_tables.sql), part by part where it is large (building_in_parts.sql), by dbt's own
  statement else.
-#}
{% macro duckdb__create_table_as(
    temporary, relation, compiled_code, language='sql', partitioned_by=none, sorted_by=none
) -%}
    {%- set from_spark = env_var('MINER_SPARK_MODELS', '').split(',') -%}
    {%- set plan = model.config.get('meta', {}).get('built_in_parts') -%}
    {%- set parts = [none] -%}
    {%- if execute and not temporary and language == 'sql' -%}
        {%- if model.name in from_spark -%}
            {%- set compiled_code = read_spark_table(compiled_code) -%}
        {%- elif plan -%}
            {%- set parts = build_parts(plan) -%}
        {%- endif -%}
    {%- endif -%}
    {#- A Python model computes outside the engine. -#}
    {%- if language == 'sql' %}{{ threads_for(plan) }}{% endif %}
    {{ dbt.duckdb__create_table_as(
        temporary, relation, sql_of_part(compiled_code, parts[0]), language,
        partitioned_by=partitioned_by, sorted_by=sorted_by
    ) }}
    {%- for part in parts[1:] -%}
        ;
        insert into {{ relation }} by name
        {{ sql_of_part(compiled_code, part) }}
    {%- endfor -%}
{%- endmacro %}
