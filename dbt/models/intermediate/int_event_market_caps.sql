-- Grain: one row per event and firm with a known share count and a close before the event.
with

event_firms as (

    select * from {{ ref('int_event_firms') }}

),

facts as (

    select * from {{ ref('stg_company_facts') }}
    where metric = 'shares_outstanding' and value is not null

),

closes as (

    select * from {{ ref('int_equity_returns') }}

),

known as (

    -- Only counts that were public at the end of the session before the event; the newest
    -- balance date wins, then the newest release, then the better source.
    select
        event_firms.event_id,
        event_firms.ticker,
        event_firms.previous_session,
        facts.value as shares_outstanding,
        facts.as_of_date as shares_as_of_date,
        facts.known_date as shares_known_date
    from event_firms
    inner join facts
        on
            event_firms.ticker = facts.ticker
            and facts.known_date <= event_firms.previous_session
            and facts.as_of_date <= event_firms.previous_session
    qualify
        row_number() over (
            partition by event_firms.event_id, event_firms.ticker
            order by
                facts.as_of_date desc,
                facts.known_date desc,
                {{ quality_grade_rank('facts.source_quality') }},
                facts.value desc
        ) = 1

),

priced as (

    select
        known.event_id,
        known.ticker,
        known.shares_outstanding,
        known.shares_as_of_date,
        known.shares_known_date,
        known.shares_outstanding * closes.close_usd as market_cap_pre_usd
    from known
    inner join closes
        on known.ticker = closes.ticker and known.previous_session = closes.session_date

)

select * from priced
