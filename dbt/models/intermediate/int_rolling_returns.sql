-- Grain: one row per ticker, session from its first price to its last, and bitcoin source (or none).
-- A view: every row of it is one of another table, several times as many with each bitcoin source.
{{ config(materialized='view') }}
with

returns as (

    select * from {{ ref('int_equity_returns') }}

),

sessions as (

    select
        session_number,
        session_date
    from {{ ref('int_sessions') }}

),

members as (

    select * from {{ ref('int_basket_members') }}

),

basket as (

    select * from {{ ref('int_basket_returns') }}

),

bitcoin as (

    select * from {{ ref('int_bitcoin_returns') }}

),

lives as (

    select
        ticker,
        min(session_number) as first_number,
        max(session_number) as last_number
    from returns
    group by ticker

),

sources as (

    select distinct factor_source from bitcoin

),

days as (

    -- A session without a price keeps its row: the window that ends with it still tells what was
    -- known that day.
    select
        lives.ticker,
        sessions.session_number,
        sessions.session_date,
        sources.factor_source
    from lives
    inner join sessions
        on sessions.session_number between lives.first_number and lives.last_number
    left join sources on true

),

joined as (

    select
        days.ticker,
        days.session_number,
        days.session_date,
        days.factor_source,
        returns.simple_return as share_return,
        basket.basket_return,
        bitcoin.simple_return as bitcoin_return,
        basket.n_basket_firms
    from days
    left join returns
        on days.ticker = returns.ticker and days.session_number = returns.session_number
    -- A member is measured against the others, everyone else against the whole basket.
    left join members on days.ticker = members.ticker
    left join basket
        on
            days.session_number = basket.session_number
            and members.ticker is not distinct from basket.left_out_ticker
    left join bitcoin
        on
            days.factor_source = bitcoin.factor_source
            and days.session_number = bitcoin.session_number

)

select * from joined
