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
