{#-
  A mart that takes over the rows of its last build whose inputs are the same, and computes the
  others: a day's append then does not cost the history. It stays a table that is built anew and
  put in the place of the old one, so a build that dies leaves the old one whole.

  `inputs` is a model that says by a hash what each part of the mart is made of. What the rows of
  the last build were made of is kept beside the mart, in the same transaction (`remember_inputs`).
-#}
{% macro inputs_of_last_build(inputs) -%}
    {{ return(api.Relation.create(
        database=inputs.database, schema=inputs.schema, identifier=inputs.identifier ~ '_of_last_build'
    )) }}
{%- endmacro %}

{#- Whether the last build left rows that can be taken over: on DuckDB, of this very SQL, and with
    the columns that the model has today. -#}
{% macro can_carry(inputs) -%}
    {%- if not execute or target.type != 'duckdb' or model.resource_type != 'model'
        or flags.FULL_REFRESH -%}
        {{ return(false) }}
    {%- endif -%}
    {%- set built = load_relation(this) -%}
    {%- set known = load_relation(inputs_of_last_build(inputs)) -%}
    {%- if not built or not built.is_table or not known -%}
        {{ return(false) }}
    {%- endif -%}
    {%- set present = adapter.get_columns_in_relation(built) | map(attribute='name') | list -%}
    {%- set made_by = adapter.get_columns_in_relation(known) | map(attribute='name') | list -%}
    {%- if present != model.columns.keys() | list or 'made_by' not in made_by -%}
        {{ return(false) }}
    {%- endif -%}
    {%- set rows = run_query('select distinct made_by from ' ~ known) -%}
    {{ return(rows.rows | length == 1 and rows.rows[0][0] == maker()) }}
{%- endmacro %}

{#- This model's SQL, what the macros in it become, and the engine. -#}
{% macro maker() -%}
    {%- set engine = run_query('select version()').rows[0][0] -%}
    {{ return(local_md5(
        model.raw_code ~ last_numbers('n', 'w') ~ in_order('sum', 'x', 'n') ~ counted('x')
        ~ counted_product('x', 'y') ~ mean_of_counted('x', 'n')
        ~ cov_of_counted('xy', 'x', 'y', 'n') ~ engine
    )) }}
{%- endmacro %}

{#- After the build: what its rows are made of; nothing where another engine has computed them. -#}
{% macro remember_inputs(inputs) -%}
    {%- set known = inputs_of_last_build(inputs) -%}
    {%- if target.type != 'duckdb' or not execute -%}
        {{ return('') }}
    {%- endif -%}
    {%- if model.name in env_var('MINER_SPARK_MODELS', '').split(',') -%}
        drop table if exists {{ known }}
    {%- else -%}
        create or replace table {{ known }} as
        select *, {{ sql_text(maker()) }} as made_by from {{ inputs }}
    {%- endif -%}
{%- endmacro %}
