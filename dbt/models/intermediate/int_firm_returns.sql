-- Grain: one row per studied firm and session with a return.
with

firms as (

    select * from {{ ref('int_study_firms') }}

),

returns as (

    select * from {{ ref('int_equity_returns') }}
    where simple_return is not null

),

numbered as (

    select
        firms.firm_number,
        returns.session_number,
        returns.simple_return,
        returns.log_return
    from returns
    inner join firms on returns.ticker = firms.ticker

)

select * from numbered
