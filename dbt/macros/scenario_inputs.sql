{#- Assumptions that the scenario's computation reads; the contract of the file requires them,
    but for the last, which stands in for the network's own hashprice. -#}
{% macro scenario_inputs() -%}
    {{ return([
        'share_converted_pct',
        'ramp_years',
        'horizon_years',
        'discount_rate_pct',
        'revenue_per_mw_year_usd',
        'utilisation_pct',
        'margin_pct',
        'capex_per_mw_usd',
        'pue',
        'mining_efficiency_j_th',
        'power_price_usd_mwh',
        'mining_uptime_pct',
        'hashprice_mean_days',
        'dc_ev_per_mw_usd',
        'own_ev_per_mw_usd',
        'hashprice_usd_ph',
    ]) }}
{%- endmacro %}

{#- One column per assumption, from rows of `assumption` and `value` that are grouped. -#}
{% macro scenario_columns() -%}
    {%- for name in scenario_inputs() %}
    max(value) filter (where assumption = '{{ name }}') as {{ name }}{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
