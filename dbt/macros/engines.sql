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

{#- `body`, in which `name` stands for `value`: the value is computed once. -#}
{% macro where_is(name, value, body) -%}
    {{ return(adapter.dispatch('where_is', 'miner_warehouse')(name, value, body)) }}
{%- endmacro %}

{% macro duckdb__where_is(name, value, body) -%}
    list_transform([{{ value }}], lambda {{ name }}: {{ body }})[1]
{%- endmacro %}

{% macro spark__where_is(name, value, body) -%}
    transform(array({{ value }}), {{ name }} -> {{ body }})[0]
{%- endmacro %}

{#-
  Starting with `start`, the value `so_far` becomes `body`, once for every `step` from `steps` (a
  fixed whole number) down to 1. `body` knows both names.
-#}
{% macro folded(steps, start, so_far, step, body) -%}
    {{ return(adapter.dispatch('folded', 'miner_warehouse')(steps, start, so_far, step, body)) }}
{%- endmacro %}

{#- The length is fixed on purpose: DuckDB 1.5.5 mixes up rows when a lambda that captures values
    reduces lists of different lengths. -#}
{% macro duckdb__folded(steps, start, so_far, step, body) -%}
    list_reduce(range({{ steps }}, 0, -1), lambda {{ so_far }}, {{ step }}: {{ body }}, {{ start }})
{%- endmacro %}

{% macro spark__folded(steps, start, so_far, step, body) -%}
    aggregate(sequence({{ steps }}, 1), {{ start }}, ({{ so_far }}, {{ step }}) -> {{ body }})
{%- endmacro %}

{#- A record of named values, from a mapping of names to expressions. -#}
{% macro record(fields) -%}
    {{ return(adapter.dispatch('record', 'miner_warehouse')(fields)) }}
{%- endmacro %}

{% macro duckdb__record(fields) -%}
    { {%- for name, value in fields.items() %}'{{ name }}': {{ value }}{{ ', ' if not loop.last }}{% endfor -%} }
{%- endmacro %}

{% macro spark__record(fields) -%}
    named_struct({% for name, value in fields.items() %}'{{ name }}', {{ value }}{{ ', ' if not loop.last }}{% endfor %})
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

{#- All columns of a relation but some (a list). -#}
{% macro all_but(columns) -%}
    {{ return(adapter.dispatch('all_but', 'miner_warehouse')(columns)) }}
{%- endmacro %}

{% macro duckdb__all_but(columns) -%}
    * exclude ({{ columns | join(', ') }})
{%- endmacro %}

{% macro spark__all_but(columns) -%}
    * except ({{ columns | join(', ') }})
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

{#- Natural logarithm of the gamma function of a positive number. -#}
{% macro ln_gamma(x) -%}
    {{ return(adapter.dispatch('ln_gamma', 'miner_warehouse')(x)) }}
{%- endmacro %}

{% macro duckdb__ln_gamma(x) -%}
    lgamma({{ x }})
{%- endmacro %}

{#- Spark has none. Lanczos' approximation with g = 7 and nine terms (Godfrey 2001): a relative
    error of the gamma function below 1e-14 for every positive argument. -#}
{% macro spark__ln_gamma(x) -%}
    {%- set terms = [
        '676.5203681218851e0', '-1259.1392167224028e0', '771.32342877765313e0',
        '-176.61502916214059e0', '12.507343278686905e0', '-0.13857109526572012e0',
        '9.9843695780195716e-6', '1.5056327351493116e-7',
    ] -%}
    transform(array(cast({{ x }} as double)), g ->
        0.91893853320467274178e0 + (g - 0.5e0) * ln(g + 6.5e0) - (g + 6.5e0)
        + ln(0.99999999999980993e0
            {%- for term in terms %} + {{ term }} / (g + {{ loop.index0 }}){% endfor %})
    )[0]
{%- endmacro %}

{#-
  Order and frame of a window over the last `width` numbers, this row's included, where `width` is a
  column. DuckDB counts rows, which is the same only where the numbers have no holes:
  `without_holes` says that they have none. Else, and on Spark, which takes nothing but literals as
  bounds, the order is counted in widths; half a step of slack keeps rounding away from the bound.
-#}
{% macro last_numbers(number, width, without_holes=true) -%}
    {% if without_holes -%}
        {{ return(adapter.dispatch('last_numbers', 'miner_warehouse')(number, width)) }}
    {%- else -%}
        {{ return(default__last_numbers(number, width)) }}
    {%- endif %}
{%- endmacro %}

{% macro default__last_numbers(number, width) -%}
    order by {{ number }} / ({{ width }} - 5e-1) range between 1e0 preceding and current row
{%- endmacro %}

{% macro duckdb__last_numbers(number, width) -%}
    order by {{ number }} rows between {{ width }} - 1 preceding and current row
{%- endmacro %}

{#-
  A hash of columns, to tell whether rows have changed: a bigint that is never missing. Of rows that
  are told apart by a key, `bit_xor` is one that does not depend on their order. The engines' hashes
  differ, and from one version to the next, so none is to be kept as a figure. DuckDB puts the
  columns together by `xor`: without the outer hash, a value in an even number of rows would vanish.
-#}
{% macro row_hash(columns) -%}
    {{ return(adapter.dispatch('row_hash', 'miner_warehouse')(columns)) }}
{%- endmacro %}

{% macro duckdb__row_hash(columns) -%}
    cast(hash(hash({{ columns | join(', ') }})) >> 1 as bigint)
{%- endmacro %}

{% macro spark__row_hash(columns) -%}
    xxhash64({{ columns | join(', ') }})
{%- endmacro %}

{#-
  Returns as whole numbers of steps of 2^-50 (9e-16), whose sums are exact, so that they do not
  depend on the order or place in which an engine adds: `counted` of a return below 500,
  `counted_product` of two such numbers, and the mean and the covariance (over n, not n - 1) from
  sums of a window: (n sum(xy) - sum(x) sum(y)) / n^2, of which only the division rounds.
-#}
{% macro counted(number) -%}
    {{ return(adapter.dispatch('counted', 'miner_warehouse')(number)) }}
{%- endmacro %}

{#- Sums of decimals are decimals of 38 digits, which DuckDB casts slowly. -#}
{% macro duckdb__counted(number) -%}
    cast(round({{ number }} * 1125899906842624e0) as bigint)
{%- endmacro %}

{% macro spark__counted(number) -%}
    cast(round({{ number }} * 1125899906842624e0) as decimal(18, 0))
{%- endmacro %}

{% macro counted_product(x, y) -%}
    {{ return(adapter.dispatch('counted_product', 'miner_warehouse')(x, y)) }}
{%- endmacro %}

{#- DuckDB is faster with its widest integer than with the decimal of the same digits. -#}
{% macro duckdb__counted_product(x, y) -%}
    cast({{ x }} as hugeint) * cast({{ y }} as hugeint)
{%- endmacro %}

{% macro spark__counted_product(x, y) -%}
    cast({{ x }} * {{ y }} as decimal(38, 0))
{%- endmacro %}

{% macro mean_of_counted(x_sum, n) -%}
    cast({{ x_sum }} as double) / nullif({{ n }}, 0) / 1125899906842624e0
{%- endmacro %}

{% macro cov_of_counted(xy_sum, x_sum, y_sum, n) -%}
    {{ return(adapter.dispatch('cov_of_counted', 'miner_warehouse')(xy_sum, x_sum, y_sum, n)) }}
{%- endmacro %}

{% macro duckdb__cov_of_counted(xy_sum, x_sum, y_sum, n) -%}
    cast(
        {{ n }} * {{ xy_sum }} - {{ x_sum }} * {{ y_sum }}
        as double
    ) / nullif({{ n }} * {{ n }}, 0) / 1125899906842624e0 / 1125899906842624e0
{%- endmacro %}

{% macro spark__cov_of_counted(xy_sum, x_sum, y_sum, n) -%}
    cast(
        cast({{ n }} * {{ xy_sum }} as decimal(38, 0))
        - cast({{ x_sum }} * {{ y_sum }} as decimal(38, 0))
        as double
    ) / nullif({{ n }} * {{ n }}, 0) / 1125899906842624e0 / 1125899906842624e0
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
