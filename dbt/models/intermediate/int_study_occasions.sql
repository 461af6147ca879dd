-- Grain: one row per study and occasion: an event, or the events of a set that share a session.
with

study_events as (

    select * from {{ ref('int_study_events') }}

),

events as (

    select * from {{ ref('int_events') }}

),

single_events as (

    -- Kept whatever the data say, so that a future event shows as one.
    select
        study_events.study_id,
        study_events.study_kind,
        study_events.event_id as occasion_id,
        study_events.event_id as leading_event_id,
        {{ one_value_list('study_events.event_id') }} as event_ids,
        events.t0_number,
        events.data_status = 'in_data' as is_in_data
    from study_events
    inner join events on study_events.event_id = events.event_id
    where study_events.study_kind = 'event'

),

set_dates as (

    select
        study_events.study_id,
        study_events.study_kind,
        case
            when
                min(events.estimation_first_day) < max(events.estimation_first_day)
                or min(events.estimation_last_day) < max(events.estimation_last_day)
                then {{ refused("
                    'ledger/events.csv: the events '
                    || " ~ text_of('events.event_id', ', ', ['events.event_id']) ~ "
                    || ' of the set ' || study_events.study_id || ' share a session but not an '
                    || 'estimation window; state the same one for each'
                ") }}
            else {{ text_of('events.event_id', '+', ['events.event_id']) }}
        end as occasion_id,
        min(events.event_id) as leading_event_id,
        {{ list_of('events.event_id', ['events.event_id']) }} as event_ids,
        events.t0_number,
        true as is_in_data
    from study_events
    inner join events on study_events.event_id = events.event_id
    where study_events.study_kind = 'event_set' and events.data_status = 'in_data'
    group by study_events.study_id, study_events.study_kind, events.t0_number

),

unioned as (

    select * from single_events
    union all
    select * from set_dates

)

select * from unioned
