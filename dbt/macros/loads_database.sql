{#-
  Where the log of the loads (`ingest.*`) is: the working file, which target `dev` attaches. With a
  point behind it, or nothing where it is the database that is built.
-#}
{% macro loads_database() -%}
    {{- 'miner_warehouse.' if target.name == 'dev' -}}
{%- endmacro %}
