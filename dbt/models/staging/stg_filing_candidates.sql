-- Grain: one row per ticker, filing day and filing.
with

source as (

    select * from {{ source('raw', 'filing_candidates') }}

),

renamed as (

    select
        ticker,
        filed_date,
        accession,
        cik,
        form,
        items,
        report_date,
        accepted_at,
        filed_date as known_date,
        {{ end_of_day_new_york('filed_date') }} as known_at,
        matched_terms,
        amount_usd_candidates,
        power_mw_candidates,
        power_basis_candidates,
        excerpt,
        document_url,
        source_url,
        status
    from source

)

select * from renamed
