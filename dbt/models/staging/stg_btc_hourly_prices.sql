-- Grain: one row per UTC hour.
with

source as (

    select * from {{ source('raw', 'btc_hourly_prices') }}

),

renamed as (

    select
        date_utc,
        hour_utc,
        date_utc + hour_utc * interval '1 hour' as starts_at,
        date_utc + (hour_utc + 1) * interval '1 hour' as ends_at,
        open as open_usd,
        high as high_usd,
        low as low_usd,
        close as close_usd,
        volume_btc,
        source
    from source

)

select * from renamed
