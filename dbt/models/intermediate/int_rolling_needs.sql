-- Grain: one row per session, window length, and bitcoin source with which a window over that session is shown.
with

sessions as (

    select session_number from {{ ref('int_sessions') }}

),

data_bounds as (

    select
        min(session_number) as first_number,
        max(session_number) as last_number
    from {{ ref('int_equity_returns') }}

),

bitcoin as (

    -- Without a bitcoin return in the window there is no source: the first by name stands in, so
    -- that one row can say so.
    select min(factor_source) as stand_in
    from {{ ref('int_bitcoin_returns') }}

),

windows as (

    select * from {{ ref('stg_study_rolling_windows') }}

),

sources as (

    select * from {{ ref('int_rolling_sources') }}

),

days as (

    select
        sessions.session_number,
        bitcoin.stand_in
    from data_bounds
    inner join sessions
        on
            sessions.session_number between data_bounds.first_number
            and data_bounds.last_number
    cross join bitcoin

),

shown as (

    select
        days.session_number,
        windows.window_sessions,
        windows.min_sessions,
        sources.factor_source is not null as has_source,
        coalesce(sources.factor_source, days.stand_in) as factor_source,
        sources.is_asynchronous
    from days
    cross join windows
    left join sources
        on
            days.session_number = sources.session_number
            and windows.window_sessions = sources.window_sessions

),

named_sources as (

    select distinct factor_source from shown

),

next_shown as (

    select
        shown.*,
        named_sources.factor_source as read_source,
        min(
            case
                when shown.factor_source is not distinct from named_sources.factor_source
                    then shown.session_number
            end
        ) over (
            partition by named_sources.factor_source, shown.window_sessions
            order by shown.session_number
            rows between current row and unbounded following
        ) as shown_number
    from shown
    cross join named_sources

),

final as (

    -- Windows of a source that no row shows would be most of the work.
    select
        session_number,
        window_sessions,
        min_sessions,
        read_source as factor_source,
        has_source,
        is_asynchronous,
        session_number = shown_number as is_shown
    from next_shown
    where shown_number - session_number < window_sessions

)

select * from final
