-- Grain: one row per session from the first price to the last and window length.
with

returns as (

    select * from {{ ref('int_equity_returns') }}

),

sessions as (

    select session_number from {{ ref('int_sessions') }}

),

bitcoin as (

    select * from {{ ref('int_bitcoin_returns') }}

),

windows as (

    select * from {{ ref('stg_study_rolling_windows') }}

),

sources as (

    select distinct
        factor_source,
        source_priority,
        is_asynchronous
    from bitcoin

),

data_bounds as (

    select
        min(session_number) as first_number,
        max(session_number) as last_number
    from returns

),

share_counts as (

    select
        session_number,
        count(simple_return) as n_returns
    from returns
    group by session_number

),

market_days as (

    -- A session without any price still ends a window.
    select
        sessions.session_number,
        coalesce(share_counts.n_returns, 0) > 0 as has_returns
    from data_bounds
    inner join sessions
        on
            sessions.session_number between data_bounds.first_number
            and data_bounds.last_number
    left join share_counts on sessions.session_number = share_counts.session_number

),

days as (

    select
        market_days.session_number,
        market_days.has_returns,
        sources.factor_source,
        sources.source_priority,
        sources.is_asynchronous,
        bitcoin.simple_return
    from market_days
    cross join sources
    left join bitcoin
        on
            market_days.session_number = bitcoin.session_number
            and sources.factor_source = bitcoin.factor_source

),

covered as (

    select
        days.session_number,
        windows.window_sessions,
        days.factor_source,
        days.source_priority,
        days.is_asynchronous,
        count(*) filter (where days.has_returns) over in_window as n_wanted,
        count(days.simple_return) filter (where days.has_returns) over in_window as n_found
    from days
    cross join windows
    window in_window as (
        partition by days.factor_source, windows.window_sessions
        {{ last_numbers('days.session_number', 'windows.window_sessions') }}
    )

),

chosen as (

    -- One bitcoin source for a window, whatever the ticker, or betas of one day could not be
    -- compared: the first that has a return wherever shares have, else the last resort, whose
    -- holes then show in n_sessions.
    select
        session_number,
        window_sessions,
        factor_source,
        is_asynchronous
    from covered
    where n_found > 0
    qualify
        row_number() over (
            partition by session_number, window_sessions
            order by
                case when n_found = n_wanted then source_priority else 100 - source_priority end
        ) = 1

),

every_window as (

    -- A window without any bitcoin return has no source.
    select
        market_days.session_number,
        windows.window_sessions,
        windows.min_sessions,
        chosen.factor_source,
        chosen.is_asynchronous
    from market_days
    cross join windows
    left join chosen
        on
            market_days.session_number = chosen.session_number
            and windows.window_sessions = chosen.window_sessions

)

select * from every_window
