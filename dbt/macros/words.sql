{#- Figures as the sentences of the marts show them; NULL stays NULL. -#}

{#-
  A number with so many decimals. Halves are rounded away from zero here, in steps that are the same
  to the last bit everywhere: what is left for `printf` to round differs between engines
  (0.175 would be 0.17 in one and 0.18 in the other). No minus before zero.
-#}
{% macro with_decimals(number, decimals, signed=false) -%}
    printf(
        '%{{ '+' if signed }}.{{ decimals }}f',
        sign({{ number }}) * floor(abs({{ number }}) * 1e{{ decimals }} + 5e-1) / 1e{{ decimals }} + 0e0
    )
{%- endmacro %}

{#- A share as a signed percentage, without a minus before zero. -#}
{% macro percent_in_words(share) -%}
    {{ with_decimals('100 * (' ~ share ~ ')', 1, signed=true) }} || '%'
{%- endmacro %}

{#- Three decimals where a p is small enough to matter for a decision. -#}
{% macro p_in_words(p) -%}
    case
        when {{ p }} < 0.001 then 'below 0.001'
        when {{ p }} < 0.1 then {{ with_decimals(p, 3) }}
        else {{ with_decimals(p, 2) }}
    end
{%- endmacro %}

{#- A number of things: `1 firm`, `3 firms`. -#}
{% macro count_in_words(number, thing) -%}
    cast({{ number }} as string) || ' {{ thing }}' || case when {{ number }} = 1 then '' else 's' end
{%- endmacro %}
