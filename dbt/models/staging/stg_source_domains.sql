-- Grain: one row per domain.
with

source as (

    select * from {{ source('raw', 'source_domains') }}

),

renamed as (

    select
        domain,
        publisher_kind,
        ticker,
        best_grade,
        reason
    from source

)

select * from renamed
