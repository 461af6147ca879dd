-- Grain: one row per model, factor number and session with a factor return.
with

models as (

    select * from {{ ref('int_study_models') }}

),

returns as (

    select * from {{ ref('int_equity_returns') }}

),

factors as (

    select
        model_id,
        generate_subscripts(factor_list, 1) as factor_number,
        trim(unnest(factor_list)) as factor_ticker
    from models
    where is_supported

),

factor_returns as (

    select
        factors.model_id,
        factors.factor_number,
        factors.factor_ticker,
        returns.session_date,
        returns.session_number,
        returns.simple_return as factor_return
    from factors
    inner join returns on factors.factor_ticker = returns.ticker
    where returns.simple_return is not null

)

select * from factor_returns
