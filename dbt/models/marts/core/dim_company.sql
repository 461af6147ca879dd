-- Grain: one row per ticker.
with

companies as (

    select * from {{ ref('stg_companies') }}

),

sessions_by_ticker as (

    select
        ticker,
        min(session_date) as first_session,
        max(session_date) as last_session,
        count(*) as n_sessions
    from {{ ref('int_equity_returns') }}
    group by ticker

),

described as (

    select
        companies.ticker,
        companies.company_name as name,
        companies.role,
        companies.is_focal,
        companies.cik,
        companies.listing_currency,
        companies.first_listed_date,
        sessions_by_ticker.first_session,
        sessions_by_ticker.last_session,
        coalesce(sessions_by_ticker.n_sessions, 0) as n_sessions,
        companies.aliases,
        companies.note
    from companies
    left join sessions_by_ticker on companies.ticker = sessions_by_ticker.ticker

)

select * from described
order by ticker
