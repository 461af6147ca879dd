{#-
  The log of what each model and test last did: `quality.node_results` in the working
  file. A partial build updates its own nodes and leaves the rest; a node that left the
  project leaves the log. Publication reads it, so plain `dbt build` fills it as well.
  On Spark nothing is logged: the working file runs every node after it.
-#}
{% macro create_results_log() -%}
    {%- if target.type == 'duckdb' -%}
    create table if not exists quality.node_results (
        unique_id varchar primary key,
        node_name varchar not null,
        resource_type varchar not null,
        status varchar not null,
        failures bigint,
        severity varchar,
        message varchar,
        depends_on varchar[] not null,
        executed_at timestamp not null,
        invocation_id varchar not null
    )
    {%- endif -%}
{%- endmacro %}

{% macro sql_text(value) -%}
    {%- if value is none -%}
        null
    {%- else -%}
        '{{ value | string | replace("'", "''") }}'
    {%- endif -%}
{%- endmacro %}

{#- One statement: dbt may give each hook its own connection and transaction. -#}
{% macro write_results_log(results) -%}
    {%- set logged = [] -%}
    {%- for result in results if result.node.resource_type in ('model', 'test') -%}
        {%- do logged.append(result) -%}
    {%- endfor -%}
    {%- if execute and logged and target.type == 'duckdb' -%}
    {%- set known_ids = graph.nodes.keys() | list -%}
    merge into quality.node_results as log
    using (
        values
        {%- for result in logged %}
        (
            {{ sql_text(result.node.unique_id) }},
            {{ sql_text(result.node.name) }},
            {{ sql_text(result.node.resource_type) }},
            {{ sql_text(result.status) }},
            {{ 'null' if result.failures is none else result.failures }}::bigint,
            {{ sql_text(result.node.config.severity | lower) if result.node.resource_type == 'test' else 'null' }}::varchar,
            {{ sql_text(none if result.message is none else (result.message | string)[:500]) }}::varchar,
            [
                {%- for parent in result.node.depends_on.nodes -%}
                {{ sql_text(parent) }}{{ ', ' if not loop.last }}
                {%- endfor -%}
            ]::varchar[],
            timestamp '{{ run_started_at.strftime("%Y-%m-%d %H:%M:%S") }}',
            {{ sql_text(invocation_id) }}
        ){{ ',' if not loop.last }}
        {%- endfor %}
    ) as run (
        unique_id, node_name, resource_type, status, failures, severity, message, depends_on,
        executed_at, invocation_id
    )
    on log.unique_id = run.unique_id
    when matched then update
    when not matched then insert
    when not matched by source
        and log.unique_id not in (
            {%- for unique_id in known_ids -%}
            {{ sql_text(unique_id) }}{{ ', ' if not loop.last }}
            {%- endfor -%}
        )
        then delete
    {%- endif -%}
{%- endmacro %}

{#-
  The grain of each mart, for the publication: DuckDB would keep a declared primary key as an index,
  which costs a fifth of a large build, and memory that cannot be spilled. That no key repeats is
  what the check `unique_key` of each mart says, and the publication asks again.
-#}
{% macro write_mart_keys() -%}
    {%- if execute and target.type == 'duckdb' -%}
    {%- set keys = [] -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' -%}
        {%- for constraint in node.constraints if constraint.type == 'primary_key' -%}
            {%- do keys.append((node.schema, node.name, constraint.columns)) -%}
        {%- endfor -%}
    {%- endfor -%}
    create or replace table quality.mart_keys as
    select *
    from (
        values
        {%- for schema, name, columns in keys | sort %}
        (
            {{ sql_text(schema) }},
            {{ sql_text(name) }},
            [{%- for column in columns -%}{{ sql_text(column) }}{{ ', ' if not loop.last }}{%- endfor -%}]
        ){{ ',' if not loop.last }}
        {%- endfor %}
    ) as keys (schema_name, table_name, primary_key)
    {%- endif -%}
{%- endmacro %}

{#- Columns of a contract with their types and NOT NULL; keys are in `quality.mart_keys`. -#}
{% macro duckdb__get_table_columns_and_constraints() -%}
    ({{ adapter.render_raw_columns_constraints(raw_columns=model['columns']) | join(', ') }})
{%- endmacro %}
