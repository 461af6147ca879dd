-- Grain: one row per event and ticker.
with

event_firms as (

    select * from {{ ref('int_event_firms') }}

),

events as (

    select * from {{ ref('int_events') }}

),

headline as (

    select
        model_id,
        market_factor
    from {{ ref('int_study_models') }}
    where is_headline

),

estimates as (

    select * from {{ ref('int_event_estimates') }}

),

daily as (

    select daily.*
    from {{ ref('int_event_daily') }} as daily
    inner join headline on daily.model_id = headline.model_id

),

bars as (

    select * from {{ ref('int_equity_returns') }}

),

exposure as (

    select * from {{ ref('fct_ai_exposure') }}

),

named as (

    select
        named_firms.ticker,
        named_firms.event_id,
        events.t0_number
    from {{ ref('int_event_named_firms') }} as named_firms
    inner join events on named_firms.event_id = events.event_id

),

bitcoin as (

    -- Rows needed here are the event session's alone: the first source with a return then.
    select
        session_number,
        simple_return as bitcoin_return,
        factor_source
    from {{ ref('int_bitcoin_returns') }}
    qualify
        row_number() over (partition by session_number order by source_priority) = 1

),

market as (

    select
        factor_returns.session_number,
        factor_returns.simple_return as market_return
    from {{ ref('int_factor_returns') }} as factor_returns
    inner join headline on factor_returns.factor = headline.market_factor

),

parameters as (

    select * from {{ ref('int_study_parameters') }}

),

on_t0 as (

    select * from daily
    where rel_day = 0

),

around as (

    select
        event_id,
        ticker,
        case when count(ar) = 3 then sum(ar) end as car_m1_p1
    from daily
    where rel_day between -1 and 1
    group by event_id, ticker

),

longest as (

    select greatest(coalesce(max(last_day), 0), 0) as last_day
    from {{ ref('int_study_windows') }}

),

lowest as (

    -- From the event session to the last configured one, every close present and of sources that
    -- can be compared.
    select
        event_firms.event_id,
        event_firms.ticker,
        min(bars.source_run) as source_run,
        min(bars.close_usd) as lowest_close_usd
    from event_firms
    cross join longest
    inner join bars
        on
            event_firms.ticker = bars.ticker
            and bars.session_number between event_firms.t0_number
            and event_firms.t0_number + longest.last_day
    group by event_firms.event_id, event_firms.ticker
    having
        count(*) = any_value(longest.last_day) + 1
        and min(bars.source_run) = max(bars.source_run)

),

overlapping as (

    select distinct
        event_firms.event_id,
        event_firms.ticker
    from event_firms
    inner join named
        on
            event_firms.ticker = named.ticker
            and event_firms.event_id <> named.event_id
            -- Windows [-1,1] share a session up to two sessions apart.
            and abs(event_firms.t0_number - named.t0_number) <= 2

),

measured as (

    select
        event_firms.event_id,
        event_firms.ticker,
        event_firms.company_name as name,
        event_firms.role,
        event_firms.is_focal,
        event_firms.is_named,
        event_firms.t0,
        event_firms.previous_session,
        before.close_usd as close_before_usd,
        bars.close_usd,
        bars.simple_return as raw_return,
        case when bars.source_run = before.source_run then bars.open_usd / before.close_usd - 1 end
            as gap,
        bars.low_usd as intraday_low_usd,
        case when bars.source_run = before.source_run then bars.low_usd / before.close_usd - 1 end
            as intraday_low_return,
        bars.volume_ratio_20d as volume_ratio,
        bitcoin.bitcoin_return as btc_return,
        bitcoin.factor_source as btc_factor_source,
        market.market_return,
        case when event_firms.has_data then headline.market_factor end as market_ticker,
        headline.model_id,
        on_t0.market_part,
        on_t0.bitcoin_part,
        on_t0.intercept_part,
        on_t0.ar as abnormal_return,
        on_t0.p_two_sided,
        around.car_m1_p1,
        -- `least` skips a missing value, which would turn unknown into no drawdown.
        case
            when lowest.source_run = before.source_run
                then least(0, lowest.lowest_close_usd / before.close_usd - 1)
        end as max_drawdown,
        exposure.hpc_contracted_mw,
        exposure.hpc_contracted_basis,
        exposure.hpc_status,
        exposure.hpc_mw_share,
        coalesce(estimates.status, event_firms.price_status) as status,
        nullif(
            concat_ws(
                ';',
                case
                    when
                        estimates.n_est < parameters.short_window_sessions
                        and estimates.status = 'ok'
                        then 'short_window'
                end,
                case when overlapping.event_id is not null then 'overlap' end,
                case when estimates.is_asynchronous then 'asynchronous' end,
                case
                    when bars.is_zero_volume or event_firms.n_zero_volume_days > 0
                        then 'zero_volume'
                end,
                case when bars.is_flat_bar or event_firms.n_flat_bar_days > 0 then 'flat_bar' end,
                case
                    when bars.is_mixed_source or event_firms.n_mixed_source_days > 0
                        then 'mixed_source'
                end,
                case when event_firms.n_implausible_days > 0 then 'implausible_return' end
            ),
            ''
        ) as flags
    from event_firms
    cross join headline
    cross join parameters
    left join estimates
        on
            event_firms.event_id = estimates.event_id
            and event_firms.ticker = estimates.ticker
            and headline.model_id = estimates.model_id
    left join bars
        on
            event_firms.ticker = bars.ticker
            and event_firms.t0_number = bars.session_number
    left join bars as before
        on
            event_firms.ticker = before.ticker
            and event_firms.t0_number - 1 = before.session_number
    left join on_t0
        on event_firms.event_id = on_t0.event_id and event_firms.ticker = on_t0.ticker
    left join around
        on event_firms.event_id = around.event_id and event_firms.ticker = around.ticker
    left join lowest
        on event_firms.event_id = lowest.event_id and event_firms.ticker = lowest.ticker
    left join bitcoin on event_firms.t0_number = bitcoin.session_number
    left join market on event_firms.t0_number = market.session_number
    left join overlapping
        on
            event_firms.event_id = overlapping.event_id
            and event_firms.ticker = overlapping.ticker
    left join exposure
        on
            event_firms.ticker = exposure.ticker
            and event_firms.previous_session = exposure.as_of_date

),

ranked as (

    select
        *,
        case when raw_return is not null then rank() over in_role end as rank_in_role
    from measured
    window in_role as (partition by event_id, role order by raw_return asc nulls last)

),

reported as (

    select
        event_id,
        ticker,
        name,
        role,
        is_focal,
        is_named,
        t0,
        previous_session,
        close_before_usd,
        close_usd,
        raw_return,
        gap,
        intraday_low_usd,
        intraday_low_return,
        volume_ratio,
        btc_return,
        btc_factor_source,
        market_ticker,
        market_return,
        market_part,
        bitcoin_part,
        intercept_part,
        abnormal_return,
        model_id,
        p_two_sided,
        car_m1_p1,
        max_drawdown,
        hpc_contracted_mw,
        hpc_contracted_basis,
        hpc_status,
        hpc_mw_share,
        rank_in_role as rank,
        status,
        flags
    from ranked

)

select * from reported
order by event_id, ticker
