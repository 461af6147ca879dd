-- Grain: one row per announcement.
with

announcements as (

    select * from {{ ref('int_capex_announcements') }}

),

parts as (

    select
        announcement_id,
        contract_id,
        capacity_change_mw,
        ended_date
    from {{ ref('int_hpc_contract_parts') }}

),

final as (

    select
        announcements.announcement_id,
        announcements.announced_date as announced_on,
        announcements.date_precision,
        announcements.date_basis,
        announcements.known_at,
        announcements.known_date,
        announcements.company_name as company,
        announcements.ticker,
        announcements.counterparty,
        announcements.kind,
        announcements.adds_contracted_capacity,
        announcements.power_mw,
        announcements.power_basis,
        announcements.value_usd,
        announcements.term_years,
        announcements.value_per_mw_year_usd,
        parts.contract_id,
        announcements.superseded_announcement_id as supersedes,
        parts.capacity_change_mw,
        parts.ended_date as capacity_ended_on,
        announcements.announces_own_capex,
        announcements.site,
        announcements.direction,
        announcements.source_name,
        announcements.source_url,
        announcements.source_quality
    from announcements
    left join parts
        on announcements.announcement_id = parts.announcement_id

)

select * from final
order by announced_on asc, announcement_id asc
