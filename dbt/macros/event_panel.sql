{#- The return of a series in the kind that a model asks for; both are relations. -#}
{% macro return_of_kind(model, series) -%}
    case when {{ model }}.return_kind = 'log' then {{ series }}.log_return else {{ series }}.simple_return end
{%- endmacro %}

{#-
  The estimation rows of every firm as the CTE `name`: panel_number, firm_number, rel_day, ret, y
  and the orthogonalised factors z_1, ...

  y is what is regressed: the return, or the return beyond the market's where the method takes the
  market's as expected. `series` (panel_number, firm_number) limits the rows to a few series at the
  cost of their own rows alone.
-#}
{% macro estimation_panel(name, series=none) -%}
{{ name }} as (

    select
        basis.panel_number,
        returns.firm_number,
        basis.rel_day,
        {{ return_of_kind('models', 'returns') }} as ret,
        {{ return_of_kind('models', 'returns') }}
        - case when models.method = 'market_adjusted' then basis.x_1 else 0 end as y,
        {{ factor_columns('z', 'basis') }}
    from {{ ref('int_event_basis') }} as basis
    inner join {{ ref('int_event_models') }} as models
        on basis.panel_number = models.panel_number
    {%- if series %}
    inner join {{ series }} on basis.panel_number = {{ series }}.panel_number
    inner join {{ ref('int_firm_returns') }} as returns
        on
            {{ series }}.firm_number = returns.firm_number
            and basis.session_number = returns.session_number
    {%- else %}
    inner join {{ ref('int_firm_returns') }} as returns
        on basis.session_number = returns.session_number
    {%- endif %}
    left join {{ ref('int_event_masks') }} as masks
        on
            basis.panel_number = masks.panel_number
            and returns.firm_number = masks.firm_number
            and basis.session_number = masks.session_number
    where basis.is_estimation and masks.panel_number is null

)
{%- endmacro %}

{#- Residuals of `panel` rows under `fits` as the CTE `name`: panel_number, firm_number, rel_day, residual. -#}
{% macro estimation_residuals(panel, fits, name) -%}
{{ name }} as (

    select
        panel_rows.panel_number,
        panel_rows.firm_number,
        panel_rows.rel_day,
        panel_rows.y - ({{ fits }}.level {{ factor_effect(fits, 'panel_rows') }}) as residual
    from {{ panel }} as panel_rows
    inner join {{ fits }}
        on
            panel_rows.panel_number = {{ fits }}.panel_number
            and panel_rows.firm_number = {{ fits }}.firm_number

)
{%- endmacro %}
