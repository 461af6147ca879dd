{#- Figures as the sentences of the marts show them; NULL stays NULL. -#}

{#- A share as a signed percentage, without a minus before zero. -#}
{% macro percent_in_words(share) -%}
    format('{:+.1f}%', round(100 * {{ share }}, 1) + 0.0)
{%- endmacro %}

{#- Three decimals where a p is small enough to matter for a decision. -#}
{% macro p_in_words(p) -%}
    case
        when {{ p }} < 0.001 then 'below 0.001'
        when {{ p }} < 0.1 then format('{:.3f}', {{ p }})
        else format('{:.2f}', {{ p }})
    end
{%- endmacro %}

{#- A number of things: `1 firm`, `3 firms`. -#}
{% macro count_in_words(number, thing) -%}
    cast({{ number }} as varchar) || ' {{ thing }}' || case when {{ number }} = 1 then '' else 's' end
{%- endmacro %}
