-- Grain: one row per event, ticker, model and window.
with

event_firms as (

    select * from {{ ref('int_event_firms') }}

),

models as (

    select * from {{ ref('int_study_models') }}

),

study_windows as (

    select * from {{ ref('int_study_windows') }}

),

parameters as (

    select * from {{ ref('int_study_parameters') }}

),

estimates as (

    select * from {{ ref('int_event_estimates') }}

),

windows as (

    select * from {{ ref('int_event_windows') }}

),

prices as (

    select * from {{ ref('int_event_window_prices') }}

),

market_caps as (

    select * from {{ ref('int_event_market_caps') }}

),

joined as (

    -- Events without prices have no estimates; their rows say why.
    select
        event_firms.event_id,
        event_firms.ticker,
        models.model_id,
        study_windows.window_id,
        estimates.est_first_date as est_first,
        estimates.est_last_date as est_last,
        coalesce(estimates.n_est, 0) as n_est,
        event_firms.n_gap_days,
        coalesce(estimates.n_masked, 0) as n_masked,
        estimates.df_resid,
        estimates.alpha,
        estimates.beta_market,
        estimates.beta_btc,
        estimates.factor_source,
        estimates.r2,
        estimates.resid_sd,
        windows.raw_return,
        windows.expected_return,
        windows.car,
        windows.bhar,
        windows.car_sd_pred,
        windows.car_t_simple,
        windows.car_t_pred,
        windows.car_p_pred,
        windows.sq_p_lower,
        windows.sq_p_two_sided,
        windows.n_quantile_sums,
        prices.max_drawdown,
        prices.sessions_to_recover,
        market_caps.market_cap_pre_usd,
        windows.car * market_caps.market_cap_pre_usd as abnormal_usd,
        coalesce(windows.status, event_firms.price_status) as status,
        nullif(
            concat_ws(
                ';',
                case
                    when
                        estimates.n_est < parameters.short_window_sessions
                        and windows.status = 'ok'
                        then 'short_window'
                end,
                case when prices.is_overlap then 'overlap' end,
                case when estimates.is_asynchronous then 'asynchronous' end,
                case
                    when prices.has_zero_volume or event_firms.n_zero_volume_days > 0
                        then 'zero_volume'
                end,
                case
                    when prices.has_flat_bar or event_firms.n_flat_bar_days > 0 then 'flat_bar'
                end,
                case
                    when prices.has_mixed_source or event_firms.n_mixed_source_days > 0
                        then 'mixed_source'
                end,
                case when event_firms.n_implausible_days > 0 then 'implausible_return' end
            ),
            ''
        ) as flags
    from event_firms
    cross join models
    cross join study_windows
    cross join parameters
    inner join prices
        on
            event_firms.event_id = prices.event_id
            and event_firms.ticker = prices.ticker
            and study_windows.window_id = prices.window_id
    left join estimates
        on
            event_firms.event_id = estimates.event_id
            and event_firms.ticker = estimates.ticker
            and models.model_id = estimates.model_id
    left join windows
        on
            event_firms.event_id = windows.event_id
            and event_firms.ticker = windows.ticker
            and models.model_id = windows.model_id
            and study_windows.window_id = windows.window_id
    left join market_caps
        on
            event_firms.event_id = market_caps.event_id
            and event_firms.ticker = market_caps.ticker

)

select * from joined
order by event_id, ticker, model_id, window_id
