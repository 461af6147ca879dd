{#-
  Models that compute each share apart. One says so with `meta`: `built_share_by_share` names a model
  that it reads (`work`) and how rows per ticker are counted there (`rows`). It marks where its tickers
  enter with `in_part`, and ends with an order that begins with the ticker. Two things follow on DuckDB:

  - A large one is built in parts, each of as many tickers as have `rows_per_part` rows there, so that
    memory and sorts do not grow with the market. The parts follow in the order of the ticker, in one
    transaction: the table is the one that a single statement would give.
  - It may use every processor (or MINER_THREADS of them). All else keeps to one, because sums of
    floating-point numbers depend on their order: a share's figures here do not depend on other rows'
    order, sums over a window are exact, and the rows are put in order at the end.
-#}

{#- True of the rows whose ticker belongs to the part that is being built. -#}
{% macro in_part(ticker) -%}
    /* part of {{ ticker }} */ true
{%- endmacro %}

{#- Sets how many threads the engine takes for the next table. -#}
{% macro threads_for(is_share_by_share) -%}
    {%- if not is_share_by_share -%}
        set threads = 1;
    {%- elif env_var('MINER_THREADS', '') -%}
        set threads = {{ env_var('MINER_THREADS') | int }};
    {%- else -%}
        reset threads;
    {%- endif -%}
{%- endmacro %}

{#- First and last ticker of each part; one part without bounds where the work is small. -#}
{% macro parts_of_tickers(work) -%}
    {%- set found = run_query(
        "with sizes as (select ticker, " ~ work['rows'] ~ " as n_rows from " ~ ref(work['work'])
        ~ " group by ticker), "
        ~ "placed as (select ticker, floor((sum(n_rows) over (order by ticker) - 1) / "
        ~ var('rows_per_part') ~ ") as part from sizes) "
        ~ "select min(ticker), max(ticker) from placed group by part order by part"
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
