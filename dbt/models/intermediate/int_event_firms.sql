-- Grain: one row per event and firm.
with

events as (

    select * from {{ ref('int_events') }}

),

firms as (

    select * from {{ ref('int_study_firms') }}

),

named as (

    select * from {{ ref('int_event_named_firms') }}

),

returns as (

    select * from {{ ref('int_equity_returns') }}

),

odd_bars as (

    -- What is odd about the bars behind the estimate: counted, not corrected.
    select
        events.event_id,
        returns.ticker,
        count(*) filter (where returns.is_gap) as n_gap_days,
        count(*) filter (where returns.is_zero_volume) as n_zero_volume_days,
        count(*) filter (where returns.is_flat_bar) as n_flat_bar_days,
        count(*) filter (where returns.is_mixed_source) as n_mixed_source_days
    from events
    inner join returns
        on
            returns.session_number between events.estimation_first_number
            and events.estimation_last_number
    where
        returns.is_gap or returns.is_zero_volume or returns.is_flat_bar
        or returns.is_mixed_source
    group by events.event_id, returns.ticker

),

implausible as (

    -- A close that is a thousand times another makes an estimate worthless: up to the event session.
    select
        events.event_id,
        implausible_returns.ticker,
        count(*) as n_implausible_days
    from events
    inner join {{ ref('int_implausible_returns') }} as implausible_returns
        on
            implausible_returns.session_number between events.estimation_first_number
            and events.t0_number
    group by events.event_id, implausible_returns.ticker

),

event_firms as (

    select
        events.event_id,
        firms.ticker,
        firms.company_name,
        firms.role,
        firms.is_focal,
        named.ticker is not null as is_named,
        events.t0,
        events.t0_number,
        events.previous_session,
        events.data_status = 'in_data' as has_data,
        case
            when events.data_status <> 'in_data' then events.data_status
            when on_t0.close_usd is null then 'no_price'
            when on_t0.simple_return is null then 'no_return'
            else 'ok'
        end as price_status,
        coalesce(odd_bars.n_gap_days, 0) as n_gap_days,
        coalesce(odd_bars.n_zero_volume_days, 0) as n_zero_volume_days,
        coalesce(odd_bars.n_flat_bar_days, 0) as n_flat_bar_days,
        coalesce(odd_bars.n_mixed_source_days, 0) as n_mixed_source_days,
        coalesce(implausible.n_implausible_days, 0) as n_implausible_days
    from events
    cross join firms
    left join named on events.event_id = named.event_id and firms.ticker = named.ticker
    left join returns as on_t0
        on events.t0_number = on_t0.session_number and firms.ticker = on_t0.ticker
    left join odd_bars
        on events.event_id = odd_bars.event_id and firms.ticker = odd_bars.ticker
    left join implausible
        on events.event_id = implausible.event_id and firms.ticker = implausible.ticker

)

select * from event_firms
