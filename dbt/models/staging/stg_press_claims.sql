-- Grain: one row per claim.
with

source as (

    select * from {{ source('raw', 'press_claims') }}

),

renamed as (

    select
        claim_id,
        claim,
        claim_date,
        date_precision,
        value_low,
        value_high,
        value_text,
        unit,
        origin,
        source_name,
        source_url,
        source_quality,
        source_note
    from source

)

select * from renamed
