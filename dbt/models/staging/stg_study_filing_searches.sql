-- Grain: one row per phrase.
with

source as (

    select * from {{ source('raw', 'study_filing_searches') }}

),

renamed as (

    select
        phrase,
        forms,
        priority,
        suggested_kind,
        reason
    from source

)

select * from renamed
