-- Grain: one row per study: an event, or a set of events that are tested together.
with

study_events as (

    select * from {{ ref('int_study_events') }}

),

occasions as (

    select * from {{ ref('int_study_occasions') }}

),

events as (

    select * from {{ ref('int_events') }}

),

listed as (

    select
        study_events.study_id,
        any_value(study_events.study_kind) as kind,
        any_value(study_events.title) as title,
        {{ text_of('study_events.event_id', ';', ['events.t0', 'study_events.event_id']) }}
            as events,
        count(study_events.event_id) as n_events,
        count(*) filter (where events.data_status = 'in_data') as n_events_in_data,
        min(events.t0) filter (where events.data_status = 'in_data') as first_t0,
        max(events.t0) filter (where events.data_status = 'in_data') as last_t0
    from study_events
    left join events on study_events.event_id = events.event_id
    group by study_events.study_id

),

dates as (

    select
        study_id,
        count(*) filter (where is_in_data) as n_dates
    from occasions
    group by study_id

),

described as (

    select
        listed.study_id,
        listed.kind,
        listed.title,
        listed.events,
        listed.n_events,
        listed.n_events_in_data,
        coalesce(dates.n_dates, 0) as n_dates,
        listed.first_t0,
        listed.last_t0,
        case
            when listed.kind = 'event' then listed.title
            else
                listed.title || ': ' || cast(listed.n_events_in_data as string) || ' of '
                || cast(listed.n_events as string) || ' events have prices, on '
                || cast(coalesce(dates.n_dates, 0) as string) || ' dates'
        end as description
    from listed
    left join dates on listed.study_id = dates.study_id

)

select * from described
order by study_id
