-- Grain: one row per ticker and ex-date.
with

source as (

    select * from {{ source('raw', 'equity_splits') }}

),

renamed as (

    select
        ticker,
        ex_date,
        ratio as split_ratio,
        source,
        source_url
    from source

)

select * from renamed
