{#-
  Keys that occur more than once: the grain the table promises does not hold.

  Marts are stored in the order of their key. Where each row's key is above that of the row before it,
  none repeats, and a look at neighbours costs a fraction of counting keys and no memory. Only where one is
  not are the keys counted. On another engine rows have no place, so there they always are.
-#}
{% test unique_key(model, columns) %}
{{ config(meta={'description': 'No key occurs twice: the table has the grain it states.'}) }}
select
    {{ columns | join(', ') }},
    count(*) as n_rows
from {{ model }}
{%- if target.type == 'duckdb' %}
where exists ({{ out_of_key_order(model, columns) }})
{%- endif %}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}

{#- Rows whose key is not above that of the row before them, as the table is stored. -#}
{% macro out_of_key_order(model, columns) -%}
    {%- set above = namespace(words='false') -%}
    {%- for column in columns | reverse -%}
        {%- set before = 'before_' ~ loop.revindex -%}
        {%- set above.words -%}
            ({{ column }} > {{ before }} or ({{ column }} = {{ before }} and {{ above.words }}))
        {%- endset -%}
    {%- endfor -%}
    select 1
    from (
        select
            {{ columns | join(', ') }},
            {%- for column in columns %}
            lag({{ column }}) over () as before_{{ loop.index }},
            {%- endfor %}
            row_number() over () as place
        from {{ model }}
    ) as neighbours
    where place > 1 and {{ above.words }} is not true
{%- endmacro %}
