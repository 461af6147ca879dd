-- Grain: one row per ticker.
with

source as (

    select * from {{ source('raw', 'companies') }}

),

renamed as (

    select
        ticker,
        name as company_name,
        -- The word of any panel for what this one calls a benchmark.
        case when role = 'index' then 'benchmark' else role end as role,
        is_focal,
        cik,
        note,
        first_session as first_listed_date,
        coalesce(listing_currency, 'USD') as listing_currency,
        aliases
    from source

)

select * from renamed
