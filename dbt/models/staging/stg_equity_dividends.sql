-- Grain: one row per ticker and ex-date.
with

source as (

    select * from {{ source('raw', 'equity_dividends') }}

),

renamed as (

    select
        ticker,
        ex_date,
        amount_usd,
        amount_basis,
        source,
        source_url
    from source

)

select * from renamed
