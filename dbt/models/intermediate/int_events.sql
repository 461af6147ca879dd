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

windows as (

    select min(first_day) as first_day from {{ ref('stg_study_windows') }}

),

estimated as (

    -- An event's own estimation window, the study's where it states none.
    select
        events.*,
        coalesce(events.stated_estimation_first_day, parameters.estimation_first_day)
            as estimation_first_day,
        coalesce(events.stated_estimation_last_day, parameters.estimation_last_day)
            as estimation_last_day,
        parameters.min_estimation_sessions,
        windows.first_day as first_window_day
    from events
    cross join parameters
    cross join windows

),

bounded as (

    select
        *,
        case
            when
                coalesce(stated_estimation_first_day, stated_estimation_last_day) is not null
                and estimation_last_day - estimation_first_day + 1 < min_estimation_sessions
                then {{ refused("
                    'ledger/events.csv: the estimation window of ' || event_id || ', '
                    || cast(estimation_first_day as string) || ' to '
                    || cast(estimation_last_day as string) || ', has fewer sessions than '
                    || 'min_estimation_sessions of study/parameters.csv; begin it earlier'
                ") }}
            when stated_estimation_last_day >= first_window_day
                then {{ refused("
                    'ledger/events.csv: the estimation window of ' || event_id || ' ends at '
                    || cast(estimation_last_day as string) || ', not before the event windows, '
                    || 'which begin at ' || cast(first_window_day as string)
                    || ' (study/windows.csv); end it earlier'
                ") }}
            else true
        end as is_bounded
    from estimated

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
        bounded.*,
        case
            -- The calendar cannot tell the session after news that precede it.
            when bounded.news_date < calendar_bounds.first_session then null
            when
                sessions.session_date is not null
                and bounded.news_timing not in ('after_close', 'non_trading')
                then 'same_session'
            else 'next_session'
        end as date_rule
    from bounded
    cross join calendar_bounds
    left join sessions on bounded.news_date = sessions.session_date
    where bounded.is_bounded

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
        ruled.estimation_first_day,
        ruled.estimation_last_day,
        sessions.session_number + ruled.estimation_first_day as estimation_first_number,
        sessions.session_number + ruled.estimation_last_day as estimation_last_number,
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
    cross join data_bounds
    left join dated on ruled.event_id = dated.event_id
    left join sessions on dated.t0 = sessions.session_date

)

select * from placed
