-- Grain: one row per ticker that is studied.
with

companies as (

    select * from {{ ref('stg_companies') }}

),

firms as (

    -- Benchmarks and the bitcoin proxy explain returns; they are not studied.
    select
        -- A number joins and groups millions of residuals faster than a name.
        cast(row_number() over (order by ticker) as integer) as firm_number,
        ticker,
        company_name,
        role,
        is_focal
    from companies
    where role not in ('benchmark', 'bitcoin_proxy')

)

select * from firms
