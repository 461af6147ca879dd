-- Numbers in marts that are infinite or not a number.
{% for mart in quality_marts() -%}
-- depends_on: {{ ref(mart) }}
{% endfor %}
{%- set checks = [] -%}
{%- if execute -%}
    {%- set columns = run_query(
        "select schema_name, table_name, column_name from duckdb_columns() "
        ~ "where database_name = current_database() and schema_name = 'marts' "
        ~ "and table_name in ('" ~ quality_marts() | join("', '") ~ "') "
        ~ "and data_type in ('DOUBLE', 'FLOAT') order by table_name, column_index"
    ) -%}
    {%- for schema_name, table_name, column_name in columns.rows -%}
        {%- set check -%}
select '{{ table_name }}' as table_name, '{{ column_name }}' as column_name, count(*) as n_values
from {{ schema_name }}."{{ table_name }}"
where not isfinite("{{ column_name }}")
having count(*) > 0
        {%- endset -%}
        {%- do checks.append(check) -%}
    {%- endfor -%}
{%- endif %}
{{ checks | join('\nunion all\n') if checks else 'select 1 as no_mart_has_a_number' }}
