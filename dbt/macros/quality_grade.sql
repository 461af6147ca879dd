{#- Grades of a source, best first: one place for their order. -#}
{% macro quality_grades() -%}
    {{ return(['primary', 'press_release_copy', 'news', 'repost']) }}
{%- endmacro %}

{#- Rank of a grade: 1 is best. A grade that is not known ranks behind all others. -#}
{% macro quality_grade_rank(column) -%}
    case
        {%- for grade in quality_grades() %}
        when {{ column }} = '{{ grade }}' then {{ loop.index }}
        {%- endfor %}
        when {{ column }} is not null then {{ quality_grades() | length + 1 }}
    end
{%- endmacro %}

{#- Grade of a rank. -#}
{% macro quality_grade_name(rank) -%}
    case {{ rank }}
        {%- for grade in quality_grades() %}
        when {{ loop.index }} then '{{ grade }}'
        {%- endfor %}
    end
{%- endmacro %}
