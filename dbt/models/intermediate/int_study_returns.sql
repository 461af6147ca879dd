-- Grain: one row per model, ticker and session where the share and the factor both have a return.
with

returns as (

    select * from {{ ref('int_equity_returns') }}

),

market as (

    select * from {{ ref('int_factor_returns') }}
    where factor_number = 1

),

firms as (

    select * from {{ ref('stg_companies') }}
    where role not in ('benchmark', 'bitcoin_proxy')

),

paired as (

    select
        market.model_id,
        returns.ticker,
        returns.session_number,
        returns.simple_return as ret,
        market.factor_return as market_return
    from returns
    inner join firms on returns.ticker = firms.ticker
    inner join market on returns.session_number = market.session_number
    where returns.simple_return is not null

)

select * from paired
