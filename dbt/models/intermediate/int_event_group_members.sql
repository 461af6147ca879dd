-- Grain: one row per event, group and member ticker.
with

events as (

    select * from {{ ref('int_events') }}

),

members as (

    select * from {{ ref('int_study_group_members') }}

),

-- Keyed by event, so that a group may differ from event to event.
event_members as (

    select distinct
        events.event_id,
        events.t0_number,
        events.estimation_first_number,
        events.estimation_last_number,
        members.group_id,
        members.ticker
    from events
    cross join members

)

select * from event_members
