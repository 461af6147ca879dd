-- Miner days that show a figure which was not public by the end of the day. The figures
-- are looked up in the ledger again, so that a wrong date in the mart cannot hide one.
with

exposure as (

    select * from {{ ref('fct_ai_exposure') }}

),

contract_sums as (

    select
        exposure.ticker,
        exposure.as_of_date,
        count(*) as n_contracts,
        sum(contracts.power_mw) filter (where contracts.power_basis = 'critical_it')
            as critical_it_mw,
        sum(contracts.power_mw) filter (where contracts.power_basis = 'gross') as gross_mw,
        sum(contracts.power_mw) filter (where contracts.power_basis = 'unknown')
            as unknown_basis_mw
    from exposure
    inner join {{ ref('fct_capex_announcements') }} as contracts
        on
            exposure.ticker = contracts.ticker
            and contracts.adds_contracted_capacity
            and contracts.known_at <= {{ end_of_day_new_york('exposure.as_of_date') }}
    group by exposure.ticker, exposure.as_of_date

),

known_capacities as (

    select
        ticker,
        metric,
        value,
        min(known_date) as known_date
    from {{ ref('stg_company_facts') }}
    where known_date is not null
    group by ticker, metric, value

)

select
    exposure.ticker,
    exposure.as_of_date,
    exposure.known_date,
    exposure.hpc_contracted_stated_mw,
    stated.known_date as stated_known_date,
    exposure.gross_power_mw,
    gross_power.known_date as gross_power_known_date,
    exposure.n_contracts,
    contract_sums.n_contracts as n_contracts_known
from exposure
left join contract_sums
    on
        exposure.ticker = contract_sums.ticker
        and exposure.as_of_date = contract_sums.as_of_date
left join known_capacities as stated
    on
        exposure.ticker = stated.ticker
        and exposure.hpc_contracted_stated_mw = stated.value
        and stated.metric = 'contracted_hpc_mw'
left join known_capacities as gross_power
    on
        exposure.ticker = gross_power.ticker
        and exposure.gross_power_mw = gross_power.value
        and gross_power.metric = 'total_power_capacity_mw'
where
    exposure.known_date > exposure.as_of_date
    or exposure.known_at > {{ end_of_day_new_york('exposure.as_of_date') }}
    or (
        exposure.hpc_contracted_stated_mw is not null
        and coalesce(stated.known_date > exposure.as_of_date, true)
    )
    or (
        exposure.gross_power_mw is not null
        and coalesce(gross_power.known_date > exposure.as_of_date, true)
    )
    or exposure.n_contracts <> coalesce(contract_sums.n_contracts, 0)
    or exposure.hpc_contracted_critical_it_mw is distinct from contract_sums.critical_it_mw
    or exposure.hpc_contracted_gross_mw is distinct from contract_sums.gross_mw
    or exposure.hpc_contracted_unknown_basis_mw is distinct from contract_sums.unknown_basis_mw
order by exposure.ticker, exposure.as_of_date
