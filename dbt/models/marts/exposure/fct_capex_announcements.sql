-- Grain: one row per announcement.
with

announcements as (

    select * from {{ ref('int_capex_announcements') }}

),

final as (

    select
        announcement_id,
        announced_date as announced_on,
        date_precision,
        date_basis,
        known_at,
        known_date,
        company_name as company,
        ticker,
        counterparty,
        kind,
        adds_contracted_capacity,
        power_mw,
        power_basis,
        value_usd,
        term_years,
        value_per_mw_year_usd,
        direction,
        source_name,
        source_url,
        source_quality
    from announcements

)

select * from final
order by announced_on asc, announcement_id asc
