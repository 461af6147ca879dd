-- Grain: one row per ticker, vendor and symbol.
with

source as (

    select * from {{ source('raw', 'symbol_aliases') }}

),

renamed as (

    select
        ticker,
        vendor,
        symbol,
        valid_from_date,
        valid_to_date,
        is_verified,
        source_url,
        source_quality,
        note
    from source

)

select * from renamed
