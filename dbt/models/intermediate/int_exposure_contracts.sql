-- Grain: one row per miner and change day on which at least one contract is known.
with

changes as (

    select
        ticker,
        valid_from_date
    from {{ ref('int_exposure_changes') }}

),

contracts as (

    select
        *,
        {{ quality_grade_rank('source_quality') }} as quality_rank
    from {{ ref('int_capex_announcements') }}
    where
        adds_contracted_capacity
        and known_date is not null

),

known_contracts as (

    select
        contracts.*,
        changes.valid_from_date
    from changes
    inner join contracts
        on
            changes.ticker = contracts.ticker
            and changes.valid_from_date >= contracts.known_date

),

-- Kinds of megawatt are never added up: one sum per basis, NULL where none is stated.
summed as (

    select
        ticker,
        valid_from_date,
        count(*) as n_contracts,
        count(distinct counterparty) as n_counterparties,
        sum(power_mw) filter (where power_basis = 'critical_it') as hpc_contracted_critical_it_mw,
        sum(power_mw) filter (where power_basis = 'gross') as hpc_contracted_gross_mw,
        sum(power_mw) filter (where power_basis = 'unknown')
            as hpc_contracted_unknown_basis_mw,
        sum(value_usd) as contract_value_usd,
        max(announced_date) as newest_announced_date,
        max(known_date) as newest_known_date,
        max(quality_rank) as weakest_quality_rank
    from known_contracts
    group by ticker, valid_from_date

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
comparable_contracts as (

    select
        known_contracts.*,
        with_basis.contracts_mw
    from known_contracts
    inner join with_basis
        on
            known_contracts.ticker = with_basis.ticker
            and known_contracts.valid_from_date = with_basis.valid_from_date
            and known_contracts.power_basis = with_basis.contracts_basis
    where known_contracts.power_mw is not null

),

counterparties as (

    select
        ticker,
        valid_from_date,
        counterparty,
        sum(power_mw) as counterparty_mw,
        sum(power_mw) / nullif(max(contracts_mw), 0) as counterparty_share
    from comparable_contracts
    group by ticker, valid_from_date, counterparty

),

concentration as (

    select
        ticker,
        valid_from_date,
        sum(counterparty_share * counterparty_share) as counterparty_hhi
    from counterparties
    group by ticker, valid_from_date

),

top_counterparties as (

    select
        ticker,
        valid_from_date,
        counterparty as top_counterparty
    from counterparties
    qualify row_number() over (
            partition by ticker, valid_from_date
            order by counterparty_mw desc, counterparty asc
        ) = 1

),

valued as (

    select
        ticker,
        valid_from_date,
        sum(value_usd) / nullif(sum(power_mw * term_years), 0) as value_per_mw_year_usd
    from comparable_contracts
    where
        value_usd is not null
        and term_years is not null
    group by ticker, valid_from_date

),

final as (

    select
        with_basis.*,
        concentration.counterparty_hhi,
        top_counterparties.top_counterparty,
        valued.value_per_mw_year_usd
    from with_basis
    left join concentration
        on
            with_basis.ticker = concentration.ticker
            and with_basis.valid_from_date = concentration.valid_from_date
    left join top_counterparties
        on
            with_basis.ticker = top_counterparties.ticker
            and with_basis.valid_from_date = top_counterparties.valid_from_date
    left join valued
        on
            with_basis.ticker = valued.ticker
            and with_basis.valid_from_date = valued.valid_from_date

)

select * from final
