-- Grain: one row per event, firm and model.
with

event_firms as (

    select * from {{ ref('int_event_firms') }}

),

models as (

    select * from {{ ref('int_study_models') }}

),

study_returns as (

    select * from {{ ref('int_study_returns') }}

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

parameters as (

    select * from {{ ref('int_study_parameters') }}

),

panel as (

    select
        event_firms.event_id,
        event_firms.ticker,
        study_returns.model_id,
        study_returns.session_number,
        study_returns.ret,
        study_returns.market_return
    from event_firms
    inner join study_returns
        on
            event_firms.ticker = study_returns.ticker
            and study_returns.session_number between event_firms.estimation_first_number
            and event_firms.estimation_last_number

),

{{ one_factor_fit('panel', ['event_id', 'ticker', 'model_id'], 'fitted') }},

bars as (

    -- What is odd about the bars behind the estimate, counted rather than mended.
    select
        event_firms.event_id,
        event_firms.ticker,
        count(*) filter (where equity_returns.is_gap) as n_gap_days,
        count(*) filter (where equity_returns.is_zero_volume) as n_zero_volume_days,
        count(*) filter (where equity_returns.is_flat_bar) as n_flat_bar_days
    from event_firms
    inner join equity_returns
        on
            event_firms.ticker = equity_returns.ticker
            and equity_returns.session_number between event_firms.estimation_first_number
            and event_firms.estimation_last_number
    group by event_firms.event_id, event_firms.ticker

),

estimates as (

    select
        event_firms.event_id,
        event_firms.ticker,
        models.model_id,
        event_firms.t0_number,
        event_firms.estimation_first_number,
        event_firms.estimation_last_number,
        first_sessions.session_date as est_first,
        last_sessions.session_date as est_last,
        coalesce(fitted.n_est, 0) as n_est,
        coalesce(bars.n_gap_days, 0) as n_gap_days,
        -- Masking other events' sessions out of the estimation is off.
        0 as n_masked,
        coalesce(bars.n_zero_volume_days, 0) as n_zero_volume_days,
        coalesce(bars.n_flat_bar_days, 0) as n_flat_bar_days,
        coalesce(fitted.n_est, 0) < parameters.short_window_sessions as is_short_window,
        case
            when event_firms.price_status in ('future_event', 'before_data')
                then event_firms.price_status
            when not models.is_supported then 'unsupported_model'
            when event_firms.price_status <> 'ok' then event_firms.price_status
            when market.factor_return is null then 'no_factor'
            else coalesce(fitted.fit_status, 'insufficient')
        end as series_status,
        fitted.df_resid,
        fitted.alpha,
        fitted.beta_market,
        fitted.r2,
        fitted.resid_sd,
        fitted.market_mean,
        fitted.market_sxx
    from event_firms
    cross join models
    cross join parameters
    left join market
        on models.model_id = market.model_id and event_firms.t0_number = market.session_number
    left join fitted
        on
            event_firms.event_id = fitted.event_id
            and event_firms.ticker = fitted.ticker
            and models.model_id = fitted.model_id
    left join bars
        on event_firms.event_id = bars.event_id and event_firms.ticker = bars.ticker
    left join sessions as first_sessions on fitted.first_number = first_sessions.session_number
    left join sessions as last_sessions on fitted.last_number = last_sessions.session_number

),

-- A fit whose event day cannot be judged would invite use of its coefficients: only series that
-- pass every check keep them.
cleared as (

    select
        event_id,
        ticker,
        model_id,
        t0_number,
        estimation_first_number,
        estimation_last_number,
        est_first,
        est_last,
        n_est,
        n_gap_days,
        n_masked,
        n_zero_volume_days,
        n_flat_bar_days,
        is_short_window,
        series_status,
        case when series_status = 'ok' then df_resid end as df_resid,
        case when series_status = 'ok' then alpha end as alpha,
        case when series_status = 'ok' then beta_market end as beta_market,
        case when series_status = 'ok' then r2 end as r2,
        case when series_status = 'ok' then resid_sd end as resid_sd,
        case when series_status = 'ok' then market_mean end as market_mean,
        case when series_status = 'ok' then market_sxx end as market_sxx
    from estimates

)

select * from cleared
