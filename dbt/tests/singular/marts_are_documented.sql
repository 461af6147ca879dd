-- Columns that are documented but not materialised, the reverse, or without a comment in
-- the file; and marts that the tests over all marts do not cover.
{% for mart in quality_marts() -%}
-- depends_on: {{ ref(mart) }}
{% endfor %}
{%- set documented = [] -%}
{%- set uncovered = [] -%}
{%- if execute -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' -%}
        {%- if node.schema == 'marts' and node.name not in quality_marts() -%}
            {%- do uncovered.append(node.name) -%}
        {%- endif -%}
        {%- for column in node.columns.values() -%}
            {%- do documented.append("('" ~ node.schema ~ "', '" ~ node.alias ~ "', '" ~ column.name ~ "')") -%}
        {%- endfor -%}
    {%- endfor -%}
{%- endif %}
with

documented as (

    select
        column1 as schema_name,
        column2 as table_name,
        column3 as column_name
    from (values {{ documented | join(', ') if documented else "('', '', '')" }}) as listed (column1, column2, column3)

),

materialised as (

    select
        schema_name,
        table_name,
        column_name,
        comment
    from duckdb_columns()
    where
        database_name = current_database()
        and schema_name in ('staging', 'intermediate', 'marts')

),

-- A model that a partial build has not made yet has nothing to compare.
built_tables as (

    select distinct
        schema_name,
        table_name
    from materialised

)

select
    documented.schema_name,
    documented.table_name,
    documented.column_name,
    'documented but not materialised' as problem
from documented
inner join built_tables
    on
        documented.schema_name = built_tables.schema_name
        and documented.table_name = built_tables.table_name
left join materialised
    on
        documented.schema_name = materialised.schema_name
        and documented.table_name = materialised.table_name
        and documented.column_name = materialised.column_name
where materialised.column_name is null
union all
select
    materialised.schema_name,
    materialised.table_name,
    materialised.column_name,
    case
        when documented.column_name is null then 'materialised but not documented'
        else 'without a comment in the file'
    end as problem
from materialised
left join documented
    on
        materialised.schema_name = documented.schema_name
        and materialised.table_name = documented.table_name
        and materialised.column_name = documented.column_name
where
    materialised.schema_name = 'marts'
    and materialised.table_name in ('{{ quality_marts() | join("', '") }}')
    and (documented.column_name is null or materialised.comment is null)
{%- for mart in uncovered %}
union all
select 'marts', '{{ mart }}', null, 'not listed in macro quality_marts'
{%- endfor %}
order by schema_name, table_name, column_name
