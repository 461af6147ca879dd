{#-
  What DuckDB and Spark say differently, one macro per idea: the models know neither.

  What both say alike is written in the models as it is: `cast(x as string)`, `split`, `printf`,
  `array_contains`, `min_by`, `printf`, numbers with an exponent (`1e0 / n`: `1.0` is a DECIMAL in
  both, and Spark goes on with it). `tests/dbt_models/test_engines.py` gives each macro the same rows
  in both engines.
-#}

{#- Whole days from one date to another. -#}
{% macro days_between(first_date, last_date) -%}
    {{ return(adapter.dispatch('days_between', 'miner_warehouse')(first_date, last_date)) }}
{%- endmacro %}

{% macro duckdb__days_between(first_date, last_date) -%}
    ({{ last_date }} - {{ first_date }})
{%- endmacro %}

{% macro spark__days_between(first_date, last_date) -%}
    datediff({{ last_date }}, {{ first_date }})
{%- endmacro %}

{#-
  The UTC instant at which a New York day ends: a fact known to the day may be used
  only from then on. Missing stays missing.
-#}
{% macro end_of_day_new_york(date_column) -%}
    {{ return(adapter.dispatch('end_of_day_new_york', 'miner_warehouse')(date_column)) }}
{%- endmacro %}

{% macro duckdb__end_of_day_new_york(date_column) -%}
    timezone('UTC', timezone('America/New_York', cast({{ date_column }} + 1 as timestamp)))
{%- endmacro %}

{% macro spark__end_of_day_new_york(date_column) -%}
    convert_timezone(
        'America/New_York', 'UTC', cast(date_add({{ date_column }}, 1) as timestamp_ntz)
    )
{%- endmacro %}

{#- One row per whole number from the first to the last, as an integer; none where first > last. -#}
{% macro each_number(first_number, last_number) -%}
    {{ return(adapter.dispatch('each_number', 'miner_warehouse')(first_number, last_number)) }}
{%- endmacro %}

{% macro duckdb__each_number(first_number, last_number) -%}
    unnest(cast(generate_series({{ first_number }}, {{ last_number }}) as integer[]))
{%- endmacro %}

{#- Spark counts downwards where last < first. -#}
{% macro spark__each_number(first_number, last_number) -%}
    explode(
        case
            when {{ first_number }} <= {{ last_number }}
                then sequence(cast({{ first_number }} as int), cast({{ last_number }} as int))
        end
    )
{%- endmacro %}

{#- One row per day from the first to the last, as a date; none where first > last. -#}
{% macro each_date(first_date, last_date) -%}
    {{ return(adapter.dispatch('each_date', 'miner_warehouse')(first_date, last_date)) }}
{%- endmacro %}

{% macro duckdb__each_date(first_date, last_date) -%}
    unnest(
        cast(generate_series({{ first_date }}, {{ last_date }}, interval 1 day) as date[])
    )
{%- endmacro %}

{% macro spark__each_date(first_date, last_date) -%}
    explode(
        case
            when {{ first_date }} <= {{ last_date }} then sequence({{ first_date }}, {{ last_date }})
        end
    )
{%- endmacro %}

{#- One row per value of a list; none for an empty or missing one. -#}
{% macro each_value(values_list) -%}
    {{ return(adapter.dispatch('each_value', 'miner_warehouse')(values_list)) }}
{%- endmacro %}

{% macro duckdb__each_value(values_list) -%}
    unnest({{ values_list }})
{%- endmacro %}

{% macro spark__each_value(values_list) -%}
    explode({{ values_list }})
{%- endmacro %}

{#- The parts of a text between separators, without blanks around them, as a list. -#}
{% macro parts_of(text, separator=';') -%}
    {{ mapped("split(" ~ text ~ ", '" ~ separator ~ "')", 'part', 'trim(part)') }}
{%- endmacro %}

{#- `body` for every `name` of a list, as a list. -#}
{% macro mapped(values_list, name, body) -%}
    {{ return(adapter.dispatch('mapped', 'miner_warehouse')(values_list, name, body)) }}
{%- endmacro %}

{% macro duckdb__mapped(values_list, name, body) -%}
    list_transform({{ values_list }}, lambda {{ name }}: {{ body }})
{%- endmacro %}

{% macro spark__mapped(values_list, name, body) -%}
    transform({{ values_list }}, {{ name }} -> {{ body }})
{%- endmacro %}

{#- The values of a list for which `condition` on `name` holds. -#}
{% macro kept(values_list, name, condition) -%}
    {{ return(adapter.dispatch('kept', 'miner_warehouse')(values_list, name, condition)) }}
{%- endmacro %}

{% macro duckdb__kept(values_list, name, condition) -%}
    list_filter({{ values_list }}, lambda {{ name }}: {{ condition }})
{%- endmacro %}

{% macro spark__kept(values_list, name, condition) -%}
    filter({{ values_list }}, {{ name }} -> {{ condition }})
{%- endmacro %}

{#- How many values a list has. -#}
{% macro list_size(values_list) -%}
    {{ return(adapter.dispatch('list_size', 'miner_warehouse')(values_list)) }}
{%- endmacro %}

{% macro duckdb__list_size(values_list) -%}
    len({{ values_list }})
{%- endmacro %}

{% macro spark__list_size(values_list) -%}
    array_size({{ values_list }})
{%- endmacro %}

{#- The value at a place of a list; places count from 1. -#}
{% macro list_item(values_list, place) -%}
    {{ return(adapter.dispatch('list_item', 'miner_warehouse')(values_list, place)) }}
{%- endmacro %}

{% macro duckdb__list_item(values_list, place) -%}
    {{ values_list }}[{{ place }}]
{%- endmacro %}

{% macro spark__list_item(values_list, place) -%}
    element_at({{ values_list }}, cast({{ place }} as int))
{%- endmacro %}

{#- The largest value of a list; missing ones do not count. -#}
{% macro list_largest(values_list) -%}
    {{ return(adapter.dispatch('list_largest', 'miner_warehouse')(values_list)) }}
{%- endmacro %}

{% macro duckdb__list_largest(values_list) -%}
    list_max({{ values_list }})
{%- endmacro %}

{% macro spark__list_largest(values_list) -%}
    array_max({{ values_list }})
{%- endmacro %}

{#- The values of a group as a list, ascending by the columns of `order_by` (a list). -#}
{% macro list_of(value, order_by) -%}
    {{ return(adapter.dispatch('list_of', 'miner_warehouse')(value, order_by)) }}
{%- endmacro %}

{% macro duckdb__list_of(value, order_by) -%}
    list({{ value }} order by {{ order_by | join(', ') }})
{%- endmacro %}

{#- A list of records sorts by their first field, then the next. -#}
{% macro spark__list_of(value, order_by) -%}
    transform(
        array_sort(
            collect_list(
                named_struct(
                    {%- for column in order_by %}'by_{{ loop.index }}', {{ column }}, {% endfor -%}
                    'value', {{ value }}
                )
            )
        ),
        entry -> entry.value
    )
{%- endmacro %}

{#-
  The texts of a group in one, ascending by `order_by`; missing ones are left out, and a group
  without any gives NULL. With `once`, each text stands once (`order_by` must be the text itself).
-#}
{% macro text_of(value, separator, order_by, once=false, where=none) -%}
    {{ return(adapter.dispatch('text_of', 'miner_warehouse')(value, separator, order_by, once, where)) }}
{%- endmacro %}

{% macro duckdb__text_of(value, separator, order_by, once=false, where=none) -%}
    string_agg({{ 'distinct ' if once }}{{ value }}, '{{ separator }}' order by {{ order_by | join(', ') }})
    {%- if where %} filter (where {{ where }}){% endif %}
{%- endmacro %}

{#- The words are compared byte by byte, as DuckDB does. -#}
{% macro spark__text_of(value, separator, order_by, once=false, where=none) -%}
    {%- set counted -%}
        collect_{{ 'set' if once else 'list' }}(
            case when {{ value }} is not null {{ 'and (' ~ where ~ ')' if where }} then named_struct(
                {%- for column in order_by %}'by_{{ loop.index }}', {{ column }}, {% endfor -%}
                'value', {{ value }}
            ) end
        )
    {%- endset -%}
    nullif(array_join(transform(array_sort({{ counted }}), entry -> entry.value), '{{ separator }}'), '')
{%- endmacro %}

{#- The product of a group's values, or of those over a named window; NULL where there is none. -#}
{% macro product_of(value, over=none) -%}
    {{ return(adapter.dispatch('product_of', 'miner_warehouse')(value, over)) }}
{%- endmacro %}

{% macro duckdb__product_of(value, over=none) -%}
    product({{ value }}){{ ' over ' ~ over if over }}
{%- endmacro %}

{% macro spark__product_of(value, over=none) -%}
    {%- set over = ' over ' ~ over if over else '' -%}
    case
        when count({{ value }}){{ over }} > 0
            then aggregate(
                collect_list(cast({{ value }} as double)){{ over }},
                1e0,
                (so_far, factor) -> so_far * factor
            )
    end
{%- endmacro %}

{#- The last value that is not missing, over a window (the name of one, or its words in brackets). -#}
{% macro last_known(value, window_name) -%}
    {{ return(adapter.dispatch('last_known', 'miner_warehouse')(value, window_name)) }}
{%- endmacro %}

{% macro duckdb__last_known(value, window_name) -%}
    last_value({{ value }} ignore nulls) over {{ window_name }}
{%- endmacro %}

{% macro spark__last_known(value, window_name) -%}
    last_value({{ value }}) ignore nulls over {{ window_name }}
{%- endmacro %}

{#- Stops the build with a sentence; where nobody is to be stopped, nothing happens. -#}
{% macro refused(sentence) -%}
    {{ return(adapter.dispatch('refused', 'miner_warehouse')(sentence)) }}
{%- endmacro %}

{% macro duckdb__refused(sentence) -%}
    error({{ sentence }})
{%- endmacro %}

{% macro spark__refused(sentence) -%}
    raise_error({{ sentence }})
{%- endmacro %}

{#- True where a text fits a regular expression somewhere. -#}
{% macro fits(text, pattern) -%}
    {{ return(adapter.dispatch('fits', 'miner_warehouse')(text, pattern)) }}
{%- endmacro %}

{% macro duckdb__fits(text, pattern) -%}
    regexp_matches({{ text }}, {{ pattern }})
{%- endmacro %}

{% macro spark__fits(text, pattern) -%}
    regexp_like({{ text }}, {{ pattern }})
{%- endmacro %}

{#- A sum or mean (`aggregate`) of a group's values, added in the order of `order_by` where the engine
    lets us say so: the same to the last bit on every run. -#}
{% macro in_order(aggregate, value, order_by) -%}
    {{ return(adapter.dispatch('in_order', 'miner_warehouse')(aggregate, value, order_by)) }}
{%- endmacro %}

{% macro duckdb__in_order(aggregate, value, order_by) -%}
    {{ aggregate }}({{ value }} order by {{ order_by }})
{%- endmacro %}

{% macro spark__in_order(aggregate, value, order_by) -%}
    {{ aggregate }}({{ value }})
{%- endmacro %}

{#- A double as text with the fewest digits that give it back: `0.0005`, `20000000.0`. -#}
{% macro number_text(number) -%}
    {{ return(adapter.dispatch('number_text', 'miner_warehouse')(number)) }}
{%- endmacro %}

{% macro duckdb__number_text(number) -%}
    cast({{ number }} as string)
{%- endmacro %}

{#- Spark writes powers of ten from ten million on and below a thousandth. -#}
{% macro spark__number_text(number) -%}
    regexp_replace(
        trim(trailing '0' from cast(cast({{ number }} as decimal(38, 18)) as string)), '[.]$', '.0'
    )
{%- endmacro %}

{#- A list of one value. -#}
{% macro one_value_list(value) -%}
    {{ return(adapter.dispatch('one_value_list', 'miner_warehouse')(value)) }}
{%- endmacro %}

{% macro duckdb__one_value_list(value) -%}
    [{{ value }}]
{%- endmacro %}

{% macro spark__one_value_list(value) -%}
    array({{ value }})
{%- endmacro %}

{#- The text under a key of a JSON object. -#}
{% macro json_text(object, key) -%}
    {{ return(adapter.dispatch('json_text', 'miner_warehouse')(object, key)) }}
{%- endmacro %}

{% macro duckdb__json_text(object, key) -%}
    {{ object }} ->> '{{ key }}'
{%- endmacro %}

{% macro spark__json_text(object, key) -%}
    get_json_object({{ object }}, '$.{{ key }}')
{%- endmacro %}
