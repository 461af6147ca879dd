-- Grain: one row per span of a miner in which at least one contract is in force.
with

changes as (

    select
        span_number,
        ticker,
        valid_from_date
    from {{ ref('int_exposure_changes') }}

),

parts as (

    select
        *,
        {{ quality_grade_rank('source_quality') }} as quality_rank
    from {{ ref('int_hpc_contract_parts') }}
    where
        capacity_change_mw is not null
        or adds_contracted_capacity

),

in_force as (

    select
        changes.span_number,
        parts.*
    from changes
    inner join parts
        on
            changes.ticker = parts.ticker
            and changes.valid_from_date >= parts.known_date
            and (parts.ended_date is null or changes.valid_from_date < parts.ended_date)

),

-- Kinds of megawatt are never added up: one sum per basis, NULL where none is stated.
summed as (

    select
        span_number,
        count(*) filter (where adds_contracted_capacity) as n_contracts,
        count(distinct counterparty) as n_counterparties,
        case
            when bool_or(coalesce(is_hyperscaler_backed, false)) then true
            when bool_and(is_hyperscaler_backed is not null) then false
        end as hyperscaler_backed,
        sum(capacity_change_mw) filter (where power_basis = 'critical_it')
            as hpc_contracted_critical_it_mw,
        sum(capacity_change_mw) filter (where power_basis = 'gross') as hpc_contracted_gross_mw,
        sum(capacity_change_mw) filter (where power_basis = 'unknown')
            as hpc_contracted_unknown_basis_mw,
        sum(value_usd) as contract_value_usd,
        max(announced_date) as newest_announced_date,
        max(known_date) as newest_known_date,
        max(quality_rank) as weakest_quality_rank
    from in_force
    group by span_number

),

with_basis as (

    select
        *,
        case
            when hpc_contracted_critical_it_mw is not null then 'critical_it'
            when hpc_contracted_gross_mw is not null then 'gross'
            when hpc_contracted_unknown_basis_mw is not null then 'unknown'
        end as contracts_basis,
        coalesce(
            hpc_contracted_critical_it_mw,
            hpc_contracted_gross_mw,
            hpc_contracted_unknown_basis_mw
        ) as contracts_mw
    from summed

),

-- Shares of customers and value per megawatt-year use contracts of that one basis only.
counterparties as (

    select
        in_force.span_number,
        in_force.counterparty,
        sum(in_force.capacity_change_mw) as counterparty_mw,
        sum(in_force.capacity_change_mw) / nullif(max(with_basis.contracts_mw), 0)
            as counterparty_share,
        row_number() over (
            partition by in_force.span_number
            order by sum(in_force.capacity_change_mw) desc, in_force.counterparty asc
        ) as counterparty_rank,
        sum(in_force.value_usd) filter (where in_force.term_years is not null) as valued_usd,
        sum(
            case
                when in_force.value_usd is not null
                    then in_force.capacity_change_mw * in_force.term_years
            end
        ) as valued_mw_years
    from in_force
    inner join with_basis
        on
            in_force.span_number = with_basis.span_number
            and in_force.power_basis = with_basis.contracts_basis
    where in_force.capacity_change_mw is not null
    group by in_force.span_number, in_force.counterparty

),

concentration as (

    select
        span_number,
        sum(counterparty_share * counterparty_share) as counterparty_hhi,
        max(counterparty) filter (where counterparty_rank = 1) as top_counterparty,
        sum(valued_usd) / nullif(sum(valued_mw_years), 0) as value_per_mw_year_usd
    from counterparties
    group by span_number

),

final as (

    select
        with_basis.*,
        concentration.counterparty_hhi,
        concentration.top_counterparty,
        concentration.value_per_mw_year_usd
    from with_basis
    left join concentration
        on with_basis.span_number = concentration.span_number

)

select * from final
