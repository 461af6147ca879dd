-- Grain: one row per ticker that is studied.
with

companies as (

    select * from {{ ref('stg_companies') }}

),

firms as (

    -- Benchmarks and the bitcoin proxy explain returns; they are not studied.
    select
        ticker,
        company_name,
        role,
        is_focal
    from companies
    where role not in ('benchmark', 'bitcoin_proxy')

)

select * from firms
