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
        announcements.value_usd / nullif(announcements.power_mw * announcements.term_years, 0)
            as value_per_mw_year_usd
    from announcements
    left join companies
        on announcements.ticker = companies.ticker

)

select * from classified
