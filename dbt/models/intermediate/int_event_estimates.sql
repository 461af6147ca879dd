-- Grain: one row per event, firm and model.
-- Indents of loops over factors cannot satisfy the rule.
-- noqa: disable=LT02
{%- set n = var('max_factors') %}
{%- set keys = ['panel_number', 'firm_number'] %}
with

event_firms as (

    select * from {{ ref('int_event_firms') }}

),

models as (

    select * from {{ ref('int_study_models') }}

),

panels as (

    select * from {{ ref('int_event_panels') }}

),

firms as (

    select * from {{ ref('int_study_firms') }}

),

fits as (

    select * from {{ ref('int_event_fits') }}

),

residuals as (

    select * from {{ ref('int_event_residuals') }}

),

equity_returns as (

    select * from {{ ref('int_equity_returns') }}

),

masks as (

    select * from {{ ref('int_event_masks') }}

),

firm_returns as (

    select * from {{ ref('int_firm_returns') }}

),

sessions as (

    select * from {{ ref('int_sessions') }}

),

parameters as (

    select * from {{ ref('int_study_parameters') }}

),

{{ judged_fits('fits', 'residuals', keys, 'judged') }},

bars as (

    -- What is odd about the bars behind the estimate, counted rather than mended.
    select
        event_firms.event_id,
        event_firms.ticker,
        count(*) filter (where equity_returns.is_gap) as n_gap_days,
        count(*) filter (where equity_returns.is_zero_volume) as n_zero_volume_days,
        count(*) filter (where equity_returns.is_flat_bar) as n_flat_bar_days,
        count(*) filter (where equity_returns.is_mixed_source) as n_mixed_source_days
    from event_firms
    inner join equity_returns
        on
            event_firms.ticker = equity_returns.ticker
            and equity_returns.session_number between event_firms.estimation_first_number
            and event_firms.estimation_last_number
    group by event_firms.event_id, event_firms.ticker

),

masked as (

    select
        masks.panel_number,
        masks.firm_number,
        count(*) as n_masked
    from masks
    inner join firm_returns
        on
            masks.firm_number = firm_returns.firm_number
            and masks.session_number = firm_returns.session_number
    group by masks.panel_number, masks.firm_number

),

estimates as (

    select
        event_firms.event_id,
        event_firms.ticker,
        models.model_id,
        models.method,
        models.return_kind,
        panels.panel_number,
        firms.firm_number,
        event_firms.t0_number,
        event_firms.estimation_first_number,
        event_firms.estimation_last_number,
        first_sessions.session_date as est_first,
        last_sessions.session_date as est_last,
        coalesce(judged.n_est, 0) as n_est,
        coalesce(judged.n_est, 0) = panels.n_sessions as is_complete,
        coalesce(bars.n_gap_days, 0) as n_gap_days,
        coalesce(masked.n_masked, 0) as n_masked,
        coalesce(bars.n_zero_volume_days, 0) as n_zero_volume_days,
        coalesce(bars.n_flat_bar_days, 0) as n_flat_bar_days,
        coalesce(bars.n_mixed_source_days, 0) as n_mixed_source_days,
        coalesce(judged.n_est, 0) < parameters.short_window_sessions as is_short_window,
        models.n_coefficients,
        panels.factor_source,
        coalesce(panels.is_asynchronous, false) as is_asynchronous,
        case
            when event_firms.price_status <> 'ok' then event_firms.price_status
            when not panels.has_factors_on_t0 then 'no_factor'
            else coalesce(judged.fit_status, 'insufficient')
        end as series_status,
        judged.residual_mean,
        judged.df_resid,
        judged.resid_sd,
        judged.r2,
        judged.level,
        judged.alpha,
        judged.mean_leverage
        {%- for j in range(1, n + 1) %},
        judged.factor_beta_{{ j }},
        judged.z_mean_{{ j }},
        judged.slope_{{ j }},
        judged.inverse_pivot_{{ j }}
        {%- for i in range(1, j) %},
        judged.l_{{ j }}_{{ i }}
        {%- endfor %}
        {%- endfor %}
    from event_firms
    cross join models
    cross join parameters
    inner join firms on event_firms.ticker = firms.ticker
    left join panels
        on event_firms.event_id = panels.event_id and models.model_id = panels.model_id
    left join judged
        on
            panels.panel_number = judged.panel_number
            and firms.firm_number = judged.firm_number
    left join masked
        on
            panels.panel_number = masked.panel_number
            and firms.firm_number = masked.firm_number
    left join bars
        on event_firms.event_id = bars.event_id and event_firms.ticker = bars.ticker
    left join sessions as first_sessions
        on event_firms.t0_number + judged.first_rel_day = first_sessions.session_number
    left join sessions as last_sessions
        on event_firms.t0_number + judged.last_rel_day = last_sessions.session_number

),

-- A fit whose event day cannot be judged would invite use of its coefficients: only series that
-- pass every check keep them.
cleared as (

    select
        event_id,
        ticker,
        model_id,
        method,
        return_kind,
        panel_number,
        firm_number,
        t0_number,
        estimation_first_number,
        estimation_last_number,
        est_first,
        est_last,
        n_est,
        is_complete,
        n_gap_days,
        n_masked,
        n_zero_volume_days,
        n_flat_bar_days,
        n_mixed_source_days,
        is_short_window,
        n_coefficients,
        factor_source,
        is_asynchronous,
        series_status
        {%- set kept = ['residual_mean', 'df_resid', 'resid_sd', 'r2', 'level', 'alpha', 'mean_leverage'] %}
        {%- for j in range(1, n + 1) %}
        {%- do kept.extend(
            ['factor_beta_' ~ j, 'z_mean_' ~ j, 'slope_' ~ j, 'inverse_pivot_' ~ j]
        ) %}
        {%- for i in range(1, j) %}
        {%- do kept.append('l_' ~ j ~ '_' ~ i) %}
        {%- endfor %}
        {%- endfor %}
        {%- for column in kept %},
        case when series_status = 'ok' then {{ column }} end as {{ column }}
        {%- endfor %}
    from estimates

)

select * from cleared
