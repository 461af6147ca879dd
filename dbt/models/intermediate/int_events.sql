-- Grain: one row per event.
with

events as (

    select * from {{ ref('stg_market_events') }}

),

sessions as (

    select * from {{ ref('int_sessions') }}

),

parameters as (

    select * from {{ ref('int_study_parameters') }}

),

calendar_bounds as (

    select min(session_date) as first_session from sessions

),

data_bounds as (

    select
        min(session_number) as first_number,
        max(session_number) as last_number
    from {{ ref('int_equity_returns') }}

),

ruled as (

    -- The event session is the first whose close is after the news. News of unknown hour on a
    -- session day counts as before that day's close.
    select
        events.*,
        case
            -- The calendar cannot tell the session after news that precede it.
            when events.news_date < calendar_bounds.first_session then null
            when
                sessions.session_date is not null
                and events.news_timing not in ('after_close', 'non_trading')
                then 'same_session'
            else 'next_session'
        end as date_rule
    from events
    cross join calendar_bounds
    left join sessions on events.news_date = sessions.session_date

),

dated as (

    select
        ruled.event_id,
        min(sessions.session_date) as t0
    from ruled
    inner join sessions
        on case
                when ruled.date_rule = 'same_session' then sessions.session_date = ruled.news_date
                when ruled.date_rule = 'next_session' then sessions.session_date > ruled.news_date
                else false
            end
    group by ruled.event_id

),

placed as (

    select
        ruled.event_id,
        ruled.title,
        ruled.event_type,
        ruled.tier,
        ruled.news_date,
        ruled.news_timing,
        dated.t0,
        ruled.date_rule,
        ruled.stated_t0_date as stated_t0,
        sessions.session_number as t0_number,
        sessions.previous_session,
        sessions.session_number + parameters.estimation_first_day as estimation_first_number,
        sessions.session_number + parameters.estimation_last_day as estimation_last_number,
        case
            when ruled.date_rule is null then 'before_data'
            when dated.t0 is null then 'future_event'
            when sessions.session_number < data_bounds.first_number then 'before_data'
            when sessions.session_number > data_bounds.last_number then 'future_event'
            else 'in_data'
        end as data_status,
        ruled.tickers_named,
        ruled.groups_named,
        ruled.source_url,
        ruled.note,
        ruled.is_headline
    from ruled
    cross join parameters
    cross join data_bounds
    left join dated on ruled.event_id = dated.event_id
    left join sessions on dated.t0 = sessions.session_date

)

select * from placed
