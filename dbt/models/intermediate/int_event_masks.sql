-- Grain: one row per event with data, model that masks, firm and masked session.
with

panels as (

    select * from {{ ref('int_event_models') }}
    where mask_other_events

),

named as (

    select * from {{ ref('int_event_named_firms') }}

),

events as (

    select * from {{ ref('int_events') }}
    where data_status = 'in_data'

),

firms as (

    select * from {{ ref('int_study_firms') }}

),

other_events as (

    select
        named.event_id,
        firms.firm_number,
        events.t0_number
    from named
    inner join events on named.event_id = events.event_id
    inner join firms on named.ticker = firms.ticker

),

masked as (

    -- The session of the news and the ones beside it, where they lie in the estimation window.
    select distinct
        panels.panel_number,
        other_events.firm_number,
        other_events.t0_number + days.day as session_number
    from panels
    inner join other_events on panels.event_id <> other_events.event_id
    cross join (values (-1), (0), (1)) as days (day)
    where
        other_events.t0_number + days.day between panels.estimation_first_number
        and panels.estimation_last_number

)

select * from masked
