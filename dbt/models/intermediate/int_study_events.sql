-- Grain: one row per study and event in it; a study is one event or a set of events.
with

events as (

    select * from {{ ref('int_events') }}

),

event_sets as (

    select * from {{ ref('stg_study_event_sets') }}

),

single_events as (

    select
        event_id as study_id,
        'event' as study_kind,
        title,
        event_id
    from events

),

members as (

    select
        event_sets.set_id as study_id,
        'event_set' as study_kind,
        event_sets.title,
        events.event_id
    from event_sets
    left join events
        on
            (event_sets.rule_kind = 'event_type' and events.event_type = event_sets.rule_value)
            or (
                event_sets.rule_kind = 'events'
                and array_contains(
                    {{ parts_of('event_sets.rule_value') }}, events.event_id
                )
            )

),

clashes as (

    -- One name for two studies would mix their results.
    select {{ text_of('members.study_id', ', ', ['members.study_id']) }} as names
    from (select distinct study_id from members) as members
    inner join single_events on members.study_id = single_events.study_id

),

unioned as (

    select * from single_events
    union all
    select * from members

),

checked as (

    select
        case
            when clashes.names is not null
                then {{ refused("
                    'study/event_sets.csv: ' || clashes.names || ' is also an event_id of '
                    || 'ledger/events.csv; give the set another set_id'
                ") }}
            else unioned.study_id
        end as study_id,
        unioned.study_kind,
        unioned.title,
        unioned.event_id
    from unioned
    cross join clashes

)

select * from checked
