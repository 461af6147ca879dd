-- Grain: one row per UTC day.
with

source as (

    select * from {{ source('raw', 'network_metrics') }}

),

renamed as (

    select
        date_utc,
        hashrate_eh_s,
        difficulty,
        blocks,
        issuance_usd,
        fees_usd,
        price_usd,
        source
    from source

)

select * from renamed
