-- Grain: one row per announcement.
with

announcements as (

    select * from {{ ref('stg_capex_announcements') }}

),

companies as (

    select
        ticker,
        role
    from {{ ref('stg_companies') }}

),

classified as (

    select
        announcements.*,
        companies.role as company_role,
        -- A customer contract needs a customer: leases of land, financing, plans and
        -- own purchases of hardware (no counterparty) contract no capacity.
        coalesce(
            companies.role = 'miner'
            and announcements.kind in (
                'hpc_contract', 'hpc_expansion', 'hpc_option_exercise', 'ai_cloud_contract'
            )
            and announcements.counterparty is not null,
            false
        ) as adds_contracted_capacity,
        -- Money a miner itself says it puts into sites and hardware. Financing is where money
        -- comes from, and of an acquisition the ledger does not say which side the ticker is.
        coalesce(
            companies.role = 'miner'
            and announcements.value_usd is not null
            and (
                announcements.kind in ('site_acquisition', 'capex_guidance')
                or (
                    announcements.kind = 'ai_cloud_contract'
                    and announcements.counterparty is null
                )
            ),
            false
        ) as announces_own_capex,
        announcements.value_usd / nullif(announcements.power_mw * announcements.term_years, 0)
            as value_per_mw_year_usd
    from announcements
    left join companies
        on announcements.ticker = companies.ticker

)

select * from classified
