{#-
  Large models that are built in parts. Where each share (or each panel) is computed apart from the
  others, memory, sorts and joins need not grow with their number. A model says so in its `meta`:

    built_in_parts:
      by: ticker                # a column whose values are computed apart from one another
      work: stg_equity_prices   # a model that it reads and that tells how much work each value is:
      rows: count(*)            # so many rows
      order_free: true          # no figure depends on the order in which rows are read

  It marks with `in_part` where its rows enter. On DuckDB, a model with more than `rows_per_part` rows
  of work is then built in parts of as many values as have that many, one after the other in the order
  of the values, in one transaction.

  An order-free model may also use every processor (or MINER_THREADS of them), ends with an order that
  begins with `by`, and is the same to the last bit whatever the parts and the threads are. All other
  models keep to one thread, because sums of floating-point numbers depend on their order.
-#}

{#- True of the rows that belong to the part which is being built. -#}
{% macro in_part(column) -%}
    /* part of {{ column }} */ true
{%- endmacro %}

{#- Sets how many threads the engine takes for the next table. -#}
{% macro threads_for(plan) -%}
    {%- if not plan or not plan.get('order_free') -%}
        set threads = 1;
    {%- elif env_var('MINER_THREADS', '') -%}
        set threads = {{ env_var('MINER_THREADS') | int }};
    {%- else -%}
        reset threads;
    {%- endif -%}
{%- endmacro %}

{#- First and last value of each part; one part without bounds where the work is small. -#}
{% macro build_parts(plan) -%}
    {%- set found = run_query(
        "with sizes as (select " ~ plan['by'] ~ " as value, " ~ plan['rows'] ~ " as n_rows from "
        ~ ref(plan['work']) ~ " group by " ~ plan['by'] ~ "), "
        ~ "placed as (select value, floor((sum(n_rows) over (order by value rows unbounded preceding) - 1) / "
        ~ var('rows_per_part') ~ ") as part from sizes) "
        ~ "select min(value), max(value) from placed group by part order by part"
    ) -%}
    {{ return(found.rows if found.rows | length > 1 else [none]) }}
{%- endmacro %}

{#- The model's SQL over one part: its bounds take the place of every `in_part`. -#}
{% macro sql_of_part(compiled_code, part) -%}
    {%- if part is none -%}
        {{ return(compiled_code) }}
    {%- endif -%}
    {#- Words of a replacement: a backslash means itself when it is doubled. -#}
    {%- set words = sql_text(part[0]) ~ " and " ~ sql_text(part[1]) -%}
    {%- set bounds = "\\1 between " ~ words | replace("\\", "\\\\") -%}
    {{ return(modules.re.sub("/[*] part of ([a-z_.]+) [*]/ true", bounds, compiled_code)) }}
{%- endmacro %}

{#- Checks count rows, so they take every processor too: a threshold leaves more room than rounding. -#}
{% macro duckdb__get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) -%}
    {{ threads_for({'order_free': true}) }}
    {{ dbt.default__get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) }}
{%- endmacro %}
