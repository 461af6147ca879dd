-- Grain: one row per event, ticker, model and window.
with

windows as (

    select * from {{ ref('int_event_windows') }}

),

estimates as (

    select * from {{ ref('int_event_estimates') }}

),

prices as (

    select * from {{ ref('int_event_window_prices') }}

),

market_caps as (

    select * from {{ ref('int_event_market_caps') }}

),

joined as (

    select
        windows.event_id,
        windows.ticker,
        windows.model_id,
        windows.window_id,
        estimates.est_first,
        estimates.est_last,
        estimates.n_est,
        estimates.n_gap_days,
        estimates.n_masked,
        estimates.df_resid,
        estimates.alpha,
        estimates.beta_market,
        cast(null as double) as beta_btc,
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
        windows.status,
        nullif(
            concat_ws(
                ';',
                case
                    when estimates.is_short_window and windows.status = 'ok' then 'short_window'
                end,
                case when prices.is_overlap then 'overlap' end,
                case
                    when prices.has_zero_volume or estimates.n_zero_volume_days > 0
                        then 'zero_volume'
                end,
                case when prices.has_flat_bar or estimates.n_flat_bar_days > 0 then 'flat_bar' end
            ),
            ''
        ) as flags
    from windows
    inner join estimates
        on
            windows.event_id = estimates.event_id
            and windows.ticker = estimates.ticker
            and windows.model_id = estimates.model_id
    inner join prices
        on
            windows.event_id = prices.event_id
            and windows.ticker = prices.ticker
            and windows.window_id = prices.window_id
    left join market_caps
        on windows.event_id = market_caps.event_id and windows.ticker = market_caps.ticker

)

select * from joined
order by event_id, ticker, model_id, window_id
