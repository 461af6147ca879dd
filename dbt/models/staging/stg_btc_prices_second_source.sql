-- Grain: one row per UTC day.
with

source as (

    select * from {{ source('raw', 'btc_prices_second_source') }}

),

renamed as (

    select
        date_utc,
        close as close_usd,
        source
    from source

)

select * from renamed
