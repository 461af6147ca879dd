-- Grain: one row per event, ticker, model and session relative to the event session.
with

event_firms as (

    select * from {{ ref('int_event_firms') }}

),

models as (

    select * from {{ ref('int_study_models') }}

),

span as (

    select
        min(first_day) as first_day,
        max(last_day) as last_day
    from {{ ref('int_study_windows') }}

),

days as (

    select {{ each_number('first_day', 'last_day') }} as rel_day
    from span

),

sessions as (

    select * from {{ ref('int_sessions') }}

),

equity_returns as (

    select * from {{ ref('int_equity_returns') }}

),

daily as (

    select * from {{ ref('int_event_daily') }}

),

joined as (

    select
        event_firms.event_id,
        event_firms.ticker,
        models.model_id,
        cast(days.rel_day as bigint) as rel_day,
        sessions.session_date,
        case
            when models.return_kind = 'log' then equity_returns.log_return
            else equity_returns.simple_return
        end as ret,
        daily.market_return,
        daily.expected,
        daily.ar,
        daily.s_pred,
        daily.sar,
        equity_returns.volume_ratio_20d,
        coalesce(daily.status, event_firms.price_status) as status,
        nullif(
            concat_ws(
                ';',
                case when equity_returns.is_zero_volume then 'zero_volume' end,
                case when equity_returns.is_flat_bar then 'flat_bar' end,
                case when equity_returns.is_mixed_source then 'mixed_source' end
            ),
            ''
        ) as flags
    from event_firms
    cross join models
    cross join days
    left join sessions on event_firms.t0_number + days.rel_day = sessions.session_number
    left join equity_returns
        on
            event_firms.ticker = equity_returns.ticker
            and event_firms.t0_number + days.rel_day = equity_returns.session_number
    left join daily
        on
            event_firms.event_id = daily.event_id
            and event_firms.ticker = daily.ticker
            and models.model_id = daily.model_id
            and days.rel_day = daily.rel_day

),

run as (

    select
        event_id,
        ticker,
        model_id,
        rel_day,
        session_date,
        ret,
        market_return,
        expected,
        ar,
        s_pred,
        sar,
        -- A running sum that skipped a missing day would pass for the sum of all days.
        case
            when count(ar) over to_date = count(*) over to_date then sum(ar) over to_date
        end as car_running,
        case when ar is not null then rank() over by_size end as rank_in_window,
        volume_ratio_20d,
        status,
        flags
    from joined
    window
        to_date as (
            partition by event_id, ticker, model_id order by joined.rel_day
            rows between unbounded preceding and current row
        ),
        by_size as (partition by event_id, ticker, model_id order by ar asc nulls last)

)

select * from run
order by event_id, ticker, model_id, rel_day
