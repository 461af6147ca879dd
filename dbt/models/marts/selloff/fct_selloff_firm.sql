-- Grain: one row per event, ticker, model and window.
with

windows as (

    select * from {{ ref('int_event_windows') }}

),

estimates as (

    select * from {{ ref('int_event_estimates') }}

),

quantiles as (

    select * from {{ ref('int_event_window_quantiles') }}

),

panels as (

    select * from {{ ref('int_event_panels') }}

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
        -- The market-adjusted model estimates no coefficient; 0 and 1 are its assumption.
        case when estimates.method <> 'market_adjusted' then estimates.alpha end as alpha,
        {%- for column, number in [('beta_market', 'market_number'), ('beta_btc', 'bitcoin_number')] %}
        case
            when estimates.method <> 'ols' then null
            {%- for j in range(1, var('max_factors') + 1) %}
            when panels.{{ number }} = {{ j }} then estimates.factor_beta_{{ j }}
            {%- endfor %}
        end as {{ column }},
        {%- endfor %}
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
        {{ student_t_two_sided_p('windows.car_t_pred', 'windows.df_resid') }} as car_p_pred,
        quantiles.sq_p_lower,
        quantiles.sq_p_two_sided,
        quantiles.n_quantile_sums,
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
                case when estimates.is_asynchronous then 'asynchronous' end,
                case
                    when prices.has_zero_volume or estimates.n_zero_volume_days > 0
                        then 'zero_volume'
                end,
                case when prices.has_flat_bar or estimates.n_flat_bar_days > 0 then 'flat_bar' end,
                case
                    when prices.has_mixed_source or estimates.n_mixed_source_days > 0
                        then 'mixed_source'
                end
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
    left join panels on estimates.panel_number = panels.panel_number
    left join quantiles
        on
            windows.panel_number = quantiles.panel_number
            and windows.firm_number = quantiles.firm_number
            and windows.window_id = quantiles.window_id
    left join market_caps
        on windows.event_id = market_caps.event_id and windows.ticker = market_caps.ticker

)

select * from joined
order by event_id, ticker, model_id, window_id
