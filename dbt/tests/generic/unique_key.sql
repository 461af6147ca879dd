{#- Keys that occur more than once: the grain the table promises does not hold. -#}
{% test unique_key(model, columns) %}
{{ config(meta={'description': 'No key occurs twice: the table has the grain it states.'}) }}
select
    {{ columns | join(', ') }},
    count(*) as n_rows
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}
