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
