-- Grain: one row per ticker, concept, unit, period and filing.
with

source as (

    select * from {{ source('raw', 'xbrl_facts') }}

),

renamed as (

    select
        ticker,
        taxonomy,
        concept,
        unit,
        period_start as period_start_date,
        period_end as period_end_date,
        fiscal_period as filing_fiscal_period,
        value,
        -- EDGAR makes a filing public on the day it is dated; what arrives after 17:30 in New
        -- York is dated the next business day.
        filed_date as known_date,
        {{ end_of_day_new_york('filed_date') }} as known_at,
        accession,
        form,
        source_url
    from source

)

select * from renamed
