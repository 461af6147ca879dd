-- Grain: one row per ticker and session whose return no trading day explains.
with

returns as (

    select * from {{ ref('int_equity_returns') }}

),

companies as (

    select * from {{ ref('stg_companies') }}

),

market as (

    select
        returns.session_date,
        median(returns.simple_return) as market_return
    from returns
    inner join companies on returns.ticker = companies.ticker
    where companies.role = 'benchmark'
    group by returns.session_date

),

-- Such a return is kept: only a person knows whether it is true.
implausible as (

    select
        returns.ticker,
        returns.session_date,
        returns.session_number,
        returns.previous_close_usd,
        returns.close_usd,
        returns.simple_return,
        market.market_return
    from returns
    left join market on returns.session_date = market.session_date
    where
        greatest(1 + returns.simple_return, 1 / (1 + returns.simple_return))
        >= {{ var('quality')['returns_are_plausible']['threshold'] }}
        and coalesce(abs(market.market_return), 0)
        < {{ var('quality')['quiet_market']['threshold'] }}

)

select * from implausible
order by ticker, session_number
