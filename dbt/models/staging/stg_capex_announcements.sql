-- Grain: one row per announcement.
with

source as (

    select * from {{ source('raw', 'capex_announcements') }}

),

renamed as (

    select
        announcement_id,
        announced_on as announced_date,
        date_precision,
        date_basis,
        known_at as known_date,
        {{ end_of_day_new_york('known_at') }} as known_at,
        company as company_name,
        ticker,
        counterparty,
        kind,
        power_mw,
        power_basis,
        value_usd,
        term_years,
        direction,
        contract_id as stated_contract_id,
        supersedes as superseded_announcement_id,
        site,
        source_name,
        source_url,
        source_quality
    from source

)

select * from renamed
