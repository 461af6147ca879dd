-- Grain: one row per miner and change day.
with

changes as (

    select
        ticker,
        valid_from_date
    from {{ ref('int_exposure_changes') }}

),

facts as (

    select
        *,
        {{ quality_grade_rank('source_quality') }} as quality_rank,
        case value_basis
            when 'as_stated' then 1
            when 'approximate' then 2
            when 'derived' then 3
            else 4
        end as value_basis_rank
    from {{ ref('stg_company_facts') }}
    where known_date is not null

),

known_facts as (

    select
        facts.*,
        changes.valid_from_date
    from changes
    inner join facts
        on
            changes.ticker = facts.ticker
            and changes.valid_from_date >= facts.known_date

),

-- Where several figures are known, the one for the latest day holds; among those the
-- latest published, then the better source, then the more literal, then the larger.
latest_capacities as (

    select *
    from known_facts
    where metric in ('contracted_hpc_mw', 'total_power_capacity_mw')
    qualify row_number() over (
            partition by ticker, valid_from_date, metric
            order by
                as_of_date desc,
                known_date desc,
                quality_rank asc,
                value_basis_rank asc,
                value desc,
                power_basis asc,
                source_url asc
        ) = 1

),

stated as (

    select * from latest_capacities
    where metric = 'contracted_hpc_mw'

),

gross_power as (

    select * from latest_capacities
    where metric = 'total_power_capacity_mw'

),

quarter_revenues as (

    select *
    from known_facts
    where
        metric in ('hpc_revenue_usd', 'total_revenue_usd')
        and period = 'quarter'
    qualify row_number() over (
            partition by ticker, valid_from_date, metric, as_of_date
            order by
                known_date desc,
                quality_rank asc,
                value_basis_rank asc,
                value desc,
                source_url asc
        ) = 1

),

-- A share needs both revenues of one and the same quarter.
revenue_shares as (

    select
        hpc.ticker,
        hpc.valid_from_date,
        hpc.as_of_date as hpc_revenue_quarter_end_date,
        hpc.value / nullif(total.value, 0) as hpc_revenue_share,
        greatest(hpc.known_date, total.known_date) as known_date,
        greatest(hpc.quality_rank, total.quality_rank) as quality_rank
    from quarter_revenues as hpc
    inner join quarter_revenues as total
        on
            hpc.ticker = total.ticker
            and hpc.valid_from_date = total.valid_from_date
            and hpc.as_of_date = total.as_of_date
            and hpc.metric = 'hpc_revenue_usd'
            and total.metric = 'total_revenue_usd'
    qualify row_number() over (
            partition by hpc.ticker, hpc.valid_from_date
            order by hpc.as_of_date desc
        ) = 1

),

final as (

    select
        changes.ticker,
        changes.valid_from_date,
        stated.value as hpc_contracted_stated_mw,
        case when stated.value is not null then coalesce(stated.power_basis, 'unknown') end
            as hpc_contracted_stated_basis,
        stated.value_basis as hpc_contracted_stated_value_basis,
        stated.as_of_date as hpc_contracted_stated_date,
        stated.known_date as hpc_contracted_stated_known_date,
        gross_power.value as gross_power_mw,
        gross_power.power_basis as gross_power_basis,
        gross_power.known_date as gross_power_known_date,
        revenue_shares.hpc_revenue_share,
        revenue_shares.hpc_revenue_quarter_end_date,
        -- greatest skips NULL: the newest of what is there.
        greatest(stated.known_date, gross_power.known_date, revenue_shares.known_date)
            as newest_known_date,
        greatest(stated.quality_rank, gross_power.quality_rank, revenue_shares.quality_rank)
            as weakest_quality_rank
    from changes
    left join stated
        on
            changes.ticker = stated.ticker
            and changes.valid_from_date = stated.valid_from_date
    left join gross_power
        on
            changes.ticker = gross_power.ticker
            and changes.valid_from_date = gross_power.valid_from_date
    left join revenue_shares
        on
            changes.ticker = revenue_shares.ticker
            and changes.valid_from_date = revenue_shares.valid_from_date

)

select * from final
