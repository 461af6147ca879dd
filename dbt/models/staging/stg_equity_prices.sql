-- Grain: one row per ticker and session.
with

source as (

    select * from {{ source('raw', 'equity_prices') }}

),

renamed as (

    select
        ticker,
        session_date,
        nullif(greatest(open, 0), 0) as open_usd,
        nullif(greatest(high, 0), 0) as high_usd,
        nullif(greatest(low, 0), 0) as low_usd,
        nullif(greatest(close, 0), 0) as close_usd,
        volume as volume_shares,
        source
    from source

)

select * from renamed
