{#-
  Where Spark has computed a table (MINER_SPARK_MODELS names those, MINER_SPARK_TABLES is the folder
  of its Parquet files), the working file takes it from there instead of computing it again. Names,
  order and types of the columns are those that the model's own SQL has in DuckDB, so that contracts,
  keys, comments and every model built on it stay as they are.
-#}
{% macro read_spark_table(compiled_code) -%}
    {%- set described = run_query('describe ' ~ compiled_code) -%}
    {%- set files = env_var('MINER_SPARK_TABLES') ~ '/' ~ model.schema ~ '.db/' ~ model.name ~ '/*.parquet' -%}
    select
    {%- for row in described.rows %}
        cast({{ adapter.quote(row[0]) }} as {{ row[1] }}) as {{ adapter.quote(row[0]) }}{{ ',' if not loop.last }}
    {%- endfor %}
    from read_parquet({{ sql_text(files) }})
{%- endmacro %}
