-- Grain: one row per UTC day.
with

source as (

    select * from {{ source('raw', 'btc_prices') }}

),

renamed as (

    select
        date_utc,
        open as open_usd,
        high as high_usd,
        low as low_usd,
        close as close_usd,
        volume_btc,
        source
    from source

)

select * from renamed
