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
        events.estimation_first_number,
        events.estimation_last_number,
        case
            when events.data_status <> 'in_data' then events.data_status
            when on_t0.close_usd is null then 'no_price'
            when on_t0.simple_return is null then 'no_return'
            else 'ok'
        end as price_status,
        on_t0.simple_return as t0_return
    from events
    cross join firms
    left join named on events.event_id = named.event_id and firms.ticker = named.ticker
    left join returns as on_t0
        on events.t0_number = on_t0.session_number and firms.ticker = on_t0.ticker

)

select * from event_firms
