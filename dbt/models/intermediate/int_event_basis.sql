-- Grain: one row per event with data, model and session, in or near its windows, on which every factor has a return.
-- Indents of loops over factors cannot satisfy the rule.
-- noqa: disable=LT02
{%- set n = var('max_factors') %}
with

event_models as (

    select * from {{ ref('int_event_models') }}

),

event_factors as (

    select * from {{ ref('int_event_factors') }}

),

factor_returns as (

    select * from {{ ref('int_factor_returns') }}

),

sessions as (

    select * from {{ ref('int_sessions') }}

),

span as (

    select * from {{ ref('int_study_span') }}

),

days as (

    select
        event_models.panel_number,
        event_models.n_factors,
        event_models.n_regressors,
        event_models.return_kind,
        sessions.session_number,
        cast(sessions.session_number - event_models.t0_number as integer) as rel_day,
        sessions.session_number between event_models.estimation_first_number
        and event_models.estimation_last_number as is_estimation,
        sessions.session_number between event_models.t0_number + span.first_day
        and event_models.t0_number + span.last_day as is_around
    from event_models
    cross join span
    inner join sessions
        on
            sessions.session_number between event_models.estimation_first_number
            and event_models.estimation_last_number
            or sessions.session_number between event_models.t0_number + span.first_day
            and event_models.t0_number + span.last_day

),

factors_by_session as (

    select
        event_factors.panel_number,
        event_factors.factor_number,
        factor_returns.session_number,
        factor_returns.simple_return,
        factor_returns.log_return
    from event_factors
    inner join factor_returns
        on
            event_factors.factor = factor_returns.factor
            and event_factors.factor_source = factor_returns.factor_source

),

explained as (

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
    from days
    left join factors_by_session
        on
            days.panel_number = factors_by_session.panel_number
            and days.session_number = factors_by_session.session_number
    group by
        days.panel_number, days.n_factors, days.n_regressors, days.session_number,
        days.rel_day, days.is_estimation, days.is_around
    having count(factors_by_session.factor_number) = days.n_factors

),

centred as (

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
    from explained
    window by_panel as (partition by panel_number)

),

sweep_0 as (

    select
        *
        {%- for j in range(1, n + 1) %},
        case when {{ j }} <= n_regressors then x_{{ j }} - factor_mean_{{ j }} else 0 end
            as r0_{{ j }}
        {%- endfor %}
    from centred

),
{% for m in range(1, n + 1) %}
-- Modified Gram-Schmidt, factor {{ m }}: what is left of it after the earlier ones is swept out of
-- the later ones, over the estimation window.
products_{{ m }} as (

    select
        *,
        sum(case when is_estimation then r{{ m - 1 }}_{{ m }} * r{{ m - 1 }}_{{ m }} end)
            over by_panel as ss_{{ m }}
        {%- for j in range(m + 1, n + 1) %},
        sum(case when is_estimation then r{{ m - 1 }}_{{ j }} * r{{ m - 1 }}_{{ m }} end)
            over by_panel as sp_{{ j }}_{{ m }}
        {%- endfor %}
    from sweep_{{ m - 1 }}
    window by_panel as (partition by panel_number)

),

sweep_{{ m }} as (

    select
        * exclude (ss_{{ m }}),
        r{{ m - 1 }}_{{ m }} as z_{{ m }},
        {{ m }} <= n_regressors and coalesce(ss_{{ m }} <= 1e-12 * factor_scale_{{ m }}, true)
            as is_collinear_{{ m }}
        {%- for j in range(m + 1, n + 1) %},
        coalesce(sp_{{ j }}_{{ m }} / nullif(ss_{{ m }}, 0), 0) as c_{{ j }}_{{ m }},
        r{{ m - 1 }}_{{ j }}
        - coalesce(sp_{{ j }}_{{ m }} / nullif(ss_{{ m }}, 0), 0) * r{{ m - 1 }}_{{ m }}
            as r{{ m }}_{{ j }}
        {%- endfor %}
    from products_{{ m }}

),
{% endfor %}
orthogonal as (

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
    from sweep_{{ n }}

)

select * from orthogonal
