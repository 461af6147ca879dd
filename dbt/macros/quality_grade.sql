{#- Rank of a source's grade: 1 is best. A grade that is not known ranks behind all others. -#}
{% macro quality_grade_rank(column) -%}
    case
        when {{ column }} = 'primary' then 1
        when {{ column }} = 'press_release_copy' then 2
        when {{ column }} = 'news' then 3
        when {{ column }} = 'repost' then 4
        when {{ column }} is not null then 5
    end
{%- endmacro %}

{#- Grade of such a rank. -#}
{% macro quality_grade_name(rank) -%}
    case {{ rank }}
        when 1 then 'primary'
        when 2 then 'press_release_copy'
        when 3 then 'news'
        when 4 then 'repost'
    end
{%- endmacro %}
