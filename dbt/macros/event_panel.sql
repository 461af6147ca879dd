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

{#-
  The series that serves each factor of `models` (panel_number, model_id, t0_number,
  estimation_first_number, estimation_last_number, and `columns` that are carried along) as the
  CTE `name`: panel_number, `columns`, factor_number, factor, factor_source, is_asynchronous.
-#}
{% macro panel_factors(models, columns, name) -%}
{{ name }}_bounds as (

    select
        min(session_number) as first_number,
        max(session_number) as last_number
    from {{ ref('int_equity_returns') }}

),

{{ name }}_wanted as (

    select
        models.panel_number,
        {%- for column in columns %}
        models.{{ column }},
        {%- endfor %}
        factors.factor_number,
        factors.factor,
        models.estimation_first_number,
        models.estimation_last_number,
        greatest(models.t0_number + span.first_day, data_bounds.first_number + 1)
            as span_first_number,
        least(models.t0_number + span.last_day, data_bounds.last_number)
            as span_last_number
    from {{ models }} as models
    inner join {{ ref('int_study_factors') }} as factors on models.model_id = factors.model_id
    cross join {{ ref('int_study_span') }} as span
    cross join {{ name }}_bounds as data_bounds

),

{{ name }}_covered as (

    select
        wanted.panel_number,
        wanted.factor_number,
        factor_returns.factor_source,
        factor_returns.source_priority,
        factor_returns.is_asynchronous,
        count(*) filter (
            where factor_returns.session_number between wanted.estimation_first_number
            and wanted.estimation_last_number
        ) as n_estimation,
        count(*) filter (
            where factor_returns.session_number between wanted.span_first_number
            and wanted.span_last_number
        ) as n_span
    from {{ name }}_wanted as wanted
    inner join {{ ref('int_factor_returns') }} as factor_returns
        on wanted.factor = factor_returns.factor
    group by
        wanted.panel_number, wanted.factor_number, factor_returns.factor_source,
        factor_returns.source_priority, factor_returns.is_asynchronous

),

{{ name }} as (

    -- One source for all rows of a regression: the first that covers the event's sessions and
    -- enough of the estimation window, else the last resort, whose holes then show.
    select
        wanted.panel_number,
        {%- for column in columns %}
        wanted.{{ column }},
        {%- endfor %}
        wanted.factor_number,
        wanted.factor,
        covered.factor_source,
        coalesce(covered.is_asynchronous, false) as is_asynchronous
    from {{ name }}_wanted as wanted
    cross join {{ ref('int_study_parameters') }} as parameters
    left join {{ name }}_covered as covered
        on
            wanted.panel_number = covered.panel_number
            and wanted.factor_number = covered.factor_number
    qualify
        row_number() over (
            partition by wanted.panel_number, wanted.factor_number
            order by
                case
                    when
                        covered.n_span = wanted.span_last_number - wanted.span_first_number + 1
                        and covered.n_estimation >= parameters.min_estimation_sessions
                        then covered.source_priority
                    else 100 - covered.source_priority
                end
        ) = 1

)
{%- endmacro %}

{#-
  The sessions of `models` (as int_event_models) on which every factor has a return, with the
  factors orthogonalised over the estimation window, as the CTE `name`. `factors` are those of
  panel_factors; `span` has first_day and last_day, the sessions around t0 that are wanted.
-#}
{% macro panel_basis(models, factors, span, name) -%}
{%- set n = var('max_factors') %}
{{ name }}_days as (

    select
        models.panel_number,
        models.n_factors,
        models.n_regressors,
        models.return_kind,
        sessions.session_number,
        cast(sessions.session_number - models.t0_number as integer) as rel_day,
        sessions.session_number between models.estimation_first_number
        and models.estimation_last_number as is_estimation,
        sessions.session_number between models.t0_number + span.first_day
        and models.t0_number + span.last_day as is_around
    from {{ models }} as models
    cross join {{ span }} as span
    inner join {{ ref('int_sessions') }} as sessions
        on
            sessions.session_number between models.estimation_first_number
            and models.estimation_last_number
            or sessions.session_number between models.t0_number + span.first_day
            and models.t0_number + span.last_day

),

{{ name }}_factors_by_session as (

    select
        factors.panel_number,
        factors.factor_number,
        factor_returns.session_number,
        factor_returns.simple_return,
        factor_returns.log_return
    from {{ factors }} as factors
    inner join {{ ref('int_factor_returns') }} as factor_returns
        on
            factors.factor = factor_returns.factor
            and factors.factor_source = factor_returns.factor_source

),

{{ name }}_explained as (

    -- A session without one of its factors is of no use to the model.
    select
        days.panel_number,
        days.n_factors,
        days.n_regressors,
        days.session_number,
        days.rel_day,
        days.is_estimation,
        days.is_around
        {%- for j in range(1, n + 1) %},
        coalesce(
            max(
                case
                    when factors_by_session.factor_number = {{ j }}
                        then {{ return_of_kind('days', 'factors_by_session') }}
                end
            ),
            0
        ) as x_{{ j }}
        {%- endfor %}
    from {{ name }}_days as days
    left join {{ name }}_factors_by_session as factors_by_session
        on
            days.panel_number = factors_by_session.panel_number
            and days.session_number = factors_by_session.session_number
    group by
        days.panel_number, days.n_factors, days.n_regressors, days.session_number,
        days.rel_day, days.is_estimation, days.is_around
    having count(factors_by_session.factor_number) = days.n_factors

),

{{ name }}_centred as (

    -- Columns beyond the model's own regressors are zero and stay so.
    select
        *
        {%- for j in range(1, n + 1) %},
        case
            when {{ j }} <= n_regressors
                then coalesce(avg(case when is_estimation then x_{{ j }} end) over by_panel, 0)
            else 0
        end as factor_mean_{{ j }},
        sum(case when is_estimation then x_{{ j }} * x_{{ j }} end) over by_panel
            as factor_scale_{{ j }}
        {%- endfor %}
    from {{ name }}_explained
    window by_panel as (partition by panel_number)

),

{{ name }}_sweep_0 as (

    select
        *
        {%- for j in range(1, n + 1) %},
        case when {{ j }} <= n_regressors then x_{{ j }} - factor_mean_{{ j }} else 0 end
            as r0_{{ j }}
        {%- endfor %}
    from {{ name }}_centred

),
{% for m in range(1, n + 1) %}
-- Modified Gram-Schmidt, factor {{ m }}: what is left of it after the earlier ones is swept out of
-- the later ones, over the estimation window.
{{ name }}_products_{{ m }} as (

    select
        *,
        sum(case when is_estimation then r{{ m - 1 }}_{{ m }} * r{{ m - 1 }}_{{ m }} end)
            over by_panel as ss_{{ m }}
        {%- for j in range(m + 1, n + 1) %},
        sum(case when is_estimation then r{{ m - 1 }}_{{ j }} * r{{ m - 1 }}_{{ m }} end)
            over by_panel as sp_{{ j }}_{{ m }}
        {%- endfor %}
    from {{ name }}_sweep_{{ m - 1 }}
    window by_panel as (partition by panel_number)

),

{{ name }}_sweep_{{ m }} as (

    select
        {{ all_but(['ss_' ~ m]) }},
        r{{ m - 1 }}_{{ m }} as z_{{ m }},
        {{ m }} <= n_regressors and coalesce(ss_{{ m }} <= 1e-12 * factor_scale_{{ m }}, true)
            as is_collinear_{{ m }}
        {%- for j in range(m + 1, n + 1) %},
        coalesce(sp_{{ j }}_{{ m }} / nullif(ss_{{ m }}, 0), 0) as c_{{ j }}_{{ m }},
        r{{ m - 1 }}_{{ j }}
        - coalesce(sp_{{ j }}_{{ m }} / nullif(ss_{{ m }}, 0), 0) * r{{ m - 1 }}_{{ m }}
            as r{{ m }}_{{ j }}
        {%- endfor %}
    from {{ name }}_products_{{ m }}

),
{% endfor %}
{{ name }} as (

    select
        panel_number,
        session_number,
        rel_day,
        is_estimation,
        is_around,
        {% for j in range(1, n + 1) -%}
        x_{{ j }},
        z_{{ j }},
        factor_mean_{{ j }},
        {% for i in range(1, j) -%}
        c_{{ j }}_{{ i }},
        {% endfor -%}
        {% endfor -%}
        {% for j in range(1, n + 1) -%}
        is_collinear_{{ j }}{{ ' or ' if not loop.last }}
        {%- endfor %} as is_collinear
    from {{ name }}_sweep_{{ n }}

)
{%- endmacro %}

{#-
  `models` with what their factors are like over the estimation window, as the CTE `name`; `factors`
  and `basis` are those of panel_factors and panel_basis.
-#}
{% macro panels_of(models, factors, basis, name) -%}
{%- set n = var('max_factors') %}
{{ name }}_terms as (

    select
        panel_number,
        count(*) filter (where is_estimation) as n_sessions,
        bool_or(rel_day = 0) as has_factors_on_t0,
        bool_or(is_collinear) as is_collinear
        {%- for j in range(1, n + 1) %},
        any_value(factor_mean_{{ j }}) as factor_mean_{{ j }}
        {%- for i in range(1, j) %},
        any_value(c_{{ j }}_{{ i }}) as c_{{ j }}_{{ i }}
        {%- endfor %}
        {%- endfor %}
    from {{ basis }}
    group by panel_number

),

{{ name }}_sources as (

    -- What a reader must know of the bitcoin factor, and where it and the market stand.
    select
        panel_number,
        max(case when factor = 'bitcoin' then factor_source end) as factor_source,
        bool_or(is_asynchronous) as is_asynchronous,
        min(case when factor = 'bitcoin' then factor_number end) as bitcoin_number,
        min(case when factor <> 'bitcoin' then factor_number end) as market_number,
        min_by(case when factor <> 'bitcoin' then factor end, factor_number) as market_factor
    from {{ factors }}
    group by panel_number

),

{{ name }} as (

    select
        models.*,
        coalesce(terms.n_sessions, 0) as n_sessions,
        coalesce(terms.has_factors_on_t0, false) as has_factors_on_t0,
        coalesce(terms.is_collinear, false) as is_collinear,
        sources.factor_source,
        coalesce(sources.is_asynchronous, false) as is_asynchronous,
        sources.bitcoin_number,
        sources.market_number,
        sources.market_factor
        {%- for j in range(1, n + 1) %},
        terms.factor_mean_{{ j }}
        {%- for i in range(1, j) %},
        terms.c_{{ j }}_{{ i }}
        {%- endfor %}
        {%- endfor %}
    from {{ models }} as models
    left join {{ name }}_terms as terms on models.panel_number = terms.panel_number
    left join {{ name }}_sources as sources on models.panel_number = sources.panel_number

)
{%- endmacro %}
