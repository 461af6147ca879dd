-- Grain: one row per factor, factor source and session with a return.
with

listed as (

    select {{ each_value('factor_list') }} as factor
    from {{ ref('int_study_models') }}

),

used as (

    select distinct factor from listed

),

shares as (

    select * from {{ ref('int_equity_returns') }}

),

bitcoin as (

    select * from {{ ref('int_bitcoin_returns') }}

),

share_factors as (

    select
        used.factor,
        'exchange_close' as factor_source,
        1 as source_priority,
        false as is_asynchronous,
        shares.session_number,
        shares.simple_return,
        shares.log_return
    from used
    inner join shares on used.factor = shares.ticker
    where shares.simple_return is not null

),

bitcoin_factor as (

    select
        used.factor,
        bitcoin.factor_source,
        bitcoin.source_priority,
        bitcoin.is_asynchronous,
        bitcoin.session_number,
        bitcoin.simple_return,
        bitcoin.log_return
    from used
    cross join bitcoin
    where used.factor = 'bitcoin'

),

unioned as (

    select * from share_factors
    union all
    select * from bitcoin_factor

)

select * from unioned
