-- Grain: one row per event, firm, model and session around the event.
-- Indents of loops over factors cannot satisfy the rule.
-- noqa: disable=LT02
{%- set n = var('max_factors') %}
with

estimates as (

    select * from {{ ref('int_event_estimates') }}

),

panels as (

    select * from {{ ref('int_event_panels') }}

),

basis as (

    select * from {{ ref('int_event_basis') }}
    where is_around

),

equity_returns as (

    select * from {{ ref('int_equity_returns') }}

),

sessions as (

    select * from {{ ref('int_sessions') }}

),

span as (

    select * from {{ ref('int_study_span') }}

),

days as (

    select {{ each_number('first_day', 'last_day') }} as rel_day
    from span

),

-- The linter loses the `from aligned` below the columns that loops write.
aligned as (  -- noqa: ST03

    select
        estimates.event_id,
        estimates.ticker,
        estimates.model_id,
        estimates.panel_number,
        estimates.firm_number,
        days.rel_day,
        sessions.session_date,
        estimates.t0_number + days.rel_day as session_number,
        equity_returns.close_usd,
        equity_returns.simple_return,
        {{ return_of_kind('estimates', 'equity_returns') }} as ret,
        equity_returns.is_zero_volume,
        equity_returns.is_flat_bar,
        equity_returns.is_mixed_source,
        equity_returns.volume_ratio_20d,
        estimates.series_status,
        estimates.df_resid,
        estimates.alpha,
        estimates.resid_sd,
        panels.market_number,
        panels.bitcoin_number,
        basis.panel_number is not null as has_factors,
        -- For the method that takes the market's return as expected.
        case when estimates.method = 'market_adjusted' then basis.x_1 else 0 end
        + estimates.level {{ factor_effect('estimates', 'basis') }} as expected,
        estimates.mean_leverage
        {%- set deviations = [] %}
        {%- for j in range(1, n + 1) %}
        {%- do deviations.append('(basis.z_' ~ j ~ ' - estimates.z_mean_' ~ j ~ ')') %}
        {%- endfor %}
        {{ factor_leverage('estimates', deviations) }} as leverage
        {%- for j in range(1, n + 1) %},
        estimates.factor_beta_{{ j }},
        basis.x_{{ j }},
        basis.z_{{ j }}
        {%- endfor %}
    from estimates
    cross join days
    left join panels on estimates.panel_number = panels.panel_number
    left join sessions on estimates.t0_number + days.rel_day = sessions.session_number
    left join equity_returns
        on
            estimates.ticker = equity_returns.ticker
            and estimates.t0_number + days.rel_day = equity_returns.session_number
    left join basis
        on estimates.panel_number = basis.panel_number and days.rel_day = basis.rel_day

),

judged as (

    select
        event_id,
        ticker,
        model_id,
        panel_number,
        firm_number,
        rel_day,
        session_date,
        session_number,
        close_usd,
        simple_return,
        ret,
        case
            {%- for j in range(1, n + 1) %}
            when market_number = {{ j }} then x_{{ j }}
            {%- endfor %}
        end as market_return,
        coalesce(is_zero_volume, false) as is_zero_volume,
        coalesce(is_flat_bar, false) as is_flat_bar,
        coalesce(is_mixed_source, false) as is_mixed_source,
        volume_ratio_20d,
        series_status,
        df_resid,
        case when has_factors then alpha end as intercept_part,
        -- Whatever factors the model has besides bitcoin count as the market. Where nothing is
        -- estimated a part is unknown, not zero.
        {%- for part, condition in [('market_part', 'is distinct from'), ('bitcoin_part', 'is not distinct from')] %}
        case
            when has_factors and series_status = 'ok'
                then
                    0
                    {%- for j in range(1, n + 1) %}
                    + case
                        when bitcoin_number {{ condition }} {{ j }}
                            then factor_beta_{{ j }} * x_{{ j }}
                        else 0
                    end
                    {%- endfor %}
        end as {{ part }},
        {%- endfor %}
        expected,
        ret - expected as ar,
        case when ret is not null then resid_sd * sqrt(1 + leverage) end as s_pred,
        (ret - expected) / nullif(resid_sd * sqrt(1 + leverage), 0) as sar
        {%- for j in range(1, n + 1) %},
        z_{{ j }}
        {%- endfor %}
    from aligned

)

select * from judged
