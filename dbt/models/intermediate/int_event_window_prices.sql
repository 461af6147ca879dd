-- Grain: one row per event, firm and window.
with

event_firms as (

    select * from {{ ref('int_event_firms') }}

),

windows as (

    select * from {{ ref('int_study_windows') }}

),

closes as (

    select
        *,
        cast(floor(session_number / 64e0) as bigint) as stretch
    from {{ ref('int_equity_returns') }}

),

named as (

    select
        named_firms.event_id,
        named_firms.ticker,
        events.t0_number
    from {{ ref('int_event_named_firms') }} as named_firms
    inner join {{ ref('int_events') }} as events on named_firms.event_id = events.event_id

),

based as (

    select
        event_firms.event_id,
        event_firms.ticker,
        windows.window_id,
        windows.n_days,
        event_firms.t0_number + windows.first_day as first_number,
        event_firms.t0_number + windows.last_day as last_number,
        base.close_usd as base_close_usd,
        base.source_run
    from event_firms
    cross join windows
    left join closes as base
        on
            event_firms.ticker = base.ticker
            and event_firms.t0_number + windows.first_day - 1 = base.session_number

),

lowest as (

    -- A missing close could be the lowest one, so the window must be complete, and of sources
    -- that can be compared with the base.
    select
        based.event_id,
        based.ticker,
        based.window_id,
        based.base_close_usd,
        based.first_number,
        based.source_run,
        min(closes.close_usd) as lowest_close_usd,
        min_by(closes.session_number, (closes.close_usd, closes.session_number))
            as lowest_number
    from based
    inner join closes
        on
            based.ticker = closes.ticker
            and based.source_run = closes.source_run
            and closes.session_number between based.first_number and based.last_number
    where based.base_close_usd is not null
    group by all
    having count(*) = any_value(based.n_days)

),

fallen as (

    select
        *,
        cast(floor(lowest_number / 64e0) as bigint) as stretch
    from lowest
    where lowest_close_usd < base_close_usd

),

fallen_firms as (

    select distinct ticker from fallen

),

stretches as (

    -- A price may take years to recover: to look at the highest close of each 64 sessions first
    -- spares nearly all of them.
    select
        closes.ticker,
        closes.source_run,
        closes.stretch,
        max(closes.close_usd) as highest_close_usd
    from closes
    inner join fallen_firms on closes.ticker = fallen_firms.ticker
    group by closes.ticker, closes.source_run, closes.stretch

),

stretches_to_search as (

    -- The rest of its own stretch, and the next one that reaches the base.
    select
        event_id,
        ticker,
        window_id,
        stretch
    from fallen
    union all
    select
        fallen.event_id,
        fallen.ticker,
        fallen.window_id,
        min(stretches.stretch) as stretch
    from fallen
    inner join stretches
        on
            fallen.ticker = stretches.ticker
            and fallen.source_run = stretches.source_run
            and fallen.stretch < stretches.stretch
            and fallen.base_close_usd <= stretches.highest_close_usd
    group by fallen.event_id, fallen.ticker, fallen.window_id

),

recovered as (

    select
        fallen.event_id,
        fallen.ticker,
        fallen.window_id,
        min(closes.session_number) as recovered_number
    from fallen
    inner join stretches_to_search
        on
            fallen.event_id = stretches_to_search.event_id
            and fallen.ticker = stretches_to_search.ticker
            and fallen.window_id = stretches_to_search.window_id
    inner join closes
        on
            fallen.ticker = closes.ticker
            and fallen.source_run = closes.source_run
            and stretches_to_search.stretch = closes.stretch
            and fallen.lowest_number < closes.session_number
            and fallen.base_close_usd <= closes.close_usd
    group by fallen.event_id, fallen.ticker, fallen.window_id

),

overlapping as (

    -- Another event that names the firm and whose same window shares a session with this one.
    select distinct
        based.event_id,
        based.ticker,
        based.window_id
    from based
    inner join event_firms
        on based.event_id = event_firms.event_id and based.ticker = event_firms.ticker
    inner join named
        on
            based.ticker = named.ticker
            and based.event_id <> named.event_id
            and abs(event_firms.t0_number - named.t0_number) < based.n_days

),

oddities as (

    select
        based.event_id,
        based.ticker,
        based.window_id,
        bool_or(closes.is_zero_volume) as has_zero_volume,
        bool_or(closes.is_flat_bar) as has_flat_bar,
        bool_or(closes.is_mixed_source) as has_mixed_source
    from based
    inner join closes
        on
            based.ticker = closes.ticker
            and closes.session_number between based.first_number and based.last_number
    group by based.event_id, based.ticker, based.window_id

),

measured as (

    select
        based.event_id,
        based.ticker,
        based.window_id,
        based.base_close_usd,
        -- `least` skips a missing value, which would turn unknown into no drawdown.
        case
            when lowest.lowest_close_usd is not null
                then least(0, lowest.lowest_close_usd / lowest.base_close_usd - 1)
        end as max_drawdown,
        case
            when lowest.lowest_close_usd >= lowest.base_close_usd then 0
            else recovered.recovered_number - (lowest.first_number - 1)
        end as sessions_to_recover,
        overlapping.event_id is not null as is_overlap,
        coalesce(oddities.has_zero_volume, false) as has_zero_volume,
        coalesce(oddities.has_flat_bar, false) as has_flat_bar,
        coalesce(oddities.has_mixed_source, false) as has_mixed_source
    from based
    left join lowest
        on
            based.event_id = lowest.event_id
            and based.ticker = lowest.ticker
            and based.window_id = lowest.window_id
    left join recovered
        on
            based.event_id = recovered.event_id
            and based.ticker = recovered.ticker
            and based.window_id = recovered.window_id
    left join overlapping
        on
            based.event_id = overlapping.event_id
            and based.ticker = overlapping.ticker
            and based.window_id = overlapping.window_id
    left join oddities
        on
            based.event_id = oddities.event_id
            and based.ticker = oddities.ticker
            and based.window_id = oddities.window_id

)

select * from measured
