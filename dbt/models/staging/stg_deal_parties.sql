-- Grain: one row per party of a deal.
with

source as (

    select * from {{ source('raw', 'deal_parties') }}

),

renamed as (

    select
        party,
        ticker,
        reason
    from source

)

select * from renamed
