-- Grain: one row per session and factor source (spot_etf, new_york_close, utc_close).
with

returns as (

    select * from {{ ref('int_equity_returns') }}

),

companies as (

    select * from {{ ref('stg_companies') }}

),

bitcoin as (

    select * from {{ ref('stg_btc_prices') }}

),

hours as (

    select * from {{ ref('stg_btc_hourly_prices') }}

),

sessions as (

    select * from {{ ref('int_sessions') }}

),

proxy as (

    -- One series, not a mixture: the bitcoin proxy with the longest record.
    select returns.ticker
    from returns
    inner join companies on returns.ticker = companies.ticker
    where companies.role = 'bitcoin_proxy'
    group by returns.ticker
    order by count(*) desc, returns.ticker
    limit 1

),

spot_etf as (

    select
        returns.session_date,
        returns.session_number,
        'spot_etf' as factor_source,
        1 as source_priority,
        false as is_asynchronous,
        returns.simple_return,
        returns.log_return
    from returns
    inner join proxy on returns.ticker = proxy.ticker
    where returns.simple_return is not null

),

at_the_close as (

    -- The hour that ends when the session does, early closes and daylight saving included: the
    -- calendar has every close as an instant.
    select
        sessions.session_date,
        sessions.session_number,
        hours.close_usd,
        hours.source
    from sessions
    inner join hours on sessions.closes_at = hours.ends_at

),

new_york_close as (

    select
        today.session_date,
        today.session_number,
        'new_york_close' as factor_source,
        2 as source_priority,
        false as is_asynchronous,
        today.close_usd / before.close_usd - 1 as simple_return,
        ln(today.close_usd / before.close_usd) as log_return
    from at_the_close as today
    inner join at_the_close as before
        on
            today.session_number = before.session_number + 1
            -- The step from one exchange's price to another's is no return.
            and today.source = before.source

),

utc_close as (

    -- The UTC day ends three to four hours after the New York close: the return is of other
    -- hours than the share's, hence the flag.
    select
        sessions.session_date,
        sessions.session_number,
        'utc_close' as factor_source,
        3 as source_priority,
        true as is_asynchronous,
        today.close_usd / before.close_usd - 1 as simple_return,
        ln(today.close_usd / before.close_usd) as log_return
    from sessions
    inner join bitcoin as today on sessions.session_date = today.date_utc
    inner join bitcoin as before
        on
            sessions.previous_session = before.date_utc
            and today.source = before.source
    where today.close_usd is not null and before.close_usd is not null

),

unioned as (

    select * from spot_etf
    union all
    select * from new_york_close
    union all
    select * from utc_close

)

select * from unioned
