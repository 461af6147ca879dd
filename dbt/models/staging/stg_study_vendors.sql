-- Grain: one row per table, chain and vendor.
with

source as (

    select * from {{ source('raw', 'study_vendors') }}

),

renamed as (

    select
        table_name,
        chain,
        rank as vendor_rank,
        vendor,
        reason,
        source,
        retrieved_at,
        batch_id
    from source

)

select * from renamed
