-- Numbers in marts that are infinite or not a number.
{% for mart in quality_marts() -%}
-- depends_on: {{ ref(mart) }}
{% endfor %}
{%- set checks = [] -%}
{%- if execute -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.name in quality_marts() -%}
        {%- for column in node.columns.values() if column.data_type | upper == 'DOUBLE' -%}
            {%- set check -%}
select '{{ node.name }}' as table_name, '{{ column.name }}' as column_name, count(*) as n_values
from {{ node.schema }}.{{ node.alias }}
where isnan({{ column.name }}) or abs({{ column.name }}) > 1.7976931348623157e308
having count(*) > 0
            {%- endset -%}
            {%- do checks.append(check) -%}
        {%- endfor -%}
    {%- endfor -%}
{%- endif %}
{{ checks | join('\nunion all\n') if checks else 'select 1 as no_mart_has_a_number' }}
