-- Grain: one row per event, firm, model and session around the event.
with

estimates as (

    select * from {{ ref('int_event_estimates') }}

),

equity_returns as (

    select * from {{ ref('int_equity_returns') }}

),

market as (

    select * from {{ ref('int_factor_returns') }}
    where factor_number = 1

),

sessions as (

    select * from {{ ref('int_sessions') }}

),

span as (

    -- The summary needs the days -1 to 1 whatever windows are configured.
    select
        least(coalesce(min(first_day), 0), -1) as first_day,
        greatest(coalesce(max(last_day), 0), 1) as last_day
    from {{ ref('int_study_windows') }}

),

days as (

    select unnest(generate_series(first_day, last_day)) as rel_day
    from span

),

aligned as (

    select
        estimates.event_id,
        estimates.ticker,
        estimates.model_id,
        days.rel_day,
        sessions.session_date,
        estimates.t0_number + days.rel_day as session_number,
        equity_returns.close_usd,
        equity_returns.simple_return as ret,
        market.factor_return as market_return,
        equity_returns.is_zero_volume,
        equity_returns.is_flat_bar,
        equity_returns.volume_ratio_20d,
        estimates.series_status,
        estimates.alpha,
        estimates.beta_market,
        estimates.df_resid,
        -- Forecast leverage: how far the day lies from what the model was fitted on.
        estimates.resid_sd * sqrt(
            1 + 1.0 / estimates.n_est
            + power(market.factor_return - estimates.market_mean, 2) / estimates.market_sxx
        ) as s_pred
    from estimates
    cross join days
    left join sessions on estimates.t0_number + days.rel_day = sessions.session_number
    left join equity_returns
        on
            estimates.ticker = equity_returns.ticker
            and estimates.t0_number + days.rel_day = equity_returns.session_number
    left join market
        on
            estimates.model_id = market.model_id
            and estimates.t0_number + days.rel_day = market.session_number

),

judged as (

    select
        event_id,
        ticker,
        model_id,
        rel_day,
        session_date,
        session_number,
        close_usd,
        ret,
        market_return,
        coalesce(is_zero_volume, false) as is_zero_volume,
        coalesce(is_flat_bar, false) as is_flat_bar,
        volume_ratio_20d,
        series_status,
        df_resid,
        alpha as intercept_part,
        beta_market * market_return as market_part,
        alpha + beta_market * market_return as expected,
        ret - (alpha + beta_market * market_return) as ar,
        case when ret is not null then s_pred end as s_pred,
        (ret - (alpha + beta_market * market_return)) / nullif(s_pred, 0) as sar
    from aligned

)

select * from judged
