-- Grain: one row per miner and day (end of the day in New York).
with

changes as (

    select * from {{ ref('int_exposure_changes') }}

),

facts as (

    select * from {{ ref('int_exposure_facts') }}

),

contracts as (

    select * from {{ ref('int_exposure_contracts') }}

),

coverage as (

    select
        ticker,
        finding,
        searched_to_date
    from {{ ref('stg_search_coverage') }}
    where metric = 'contracted_hpc_mw'

),

parameters as (

    select max(value) as pue_assumed
    from {{ ref('stg_study_parameters') }}
    where parameter = 'pue_assumed'

),

joined as (

    select
        changes.ticker,
        changes.valid_from_date,
        changes.valid_to_date,
        facts.hpc_contracted_stated_mw,
        facts.hpc_contracted_stated_basis,
        facts.hpc_contracted_stated_value_basis,
        facts.hpc_contracted_stated_date,
        facts.hpc_contracted_stated_known_date,
        facts.gross_power_mw,
        facts.gross_power_basis,
        facts.gross_power_known_date,
        facts.hpc_revenue_share,
        facts.hpc_revenue_quarter_end_date,
        contracts.hpc_contracted_critical_it_mw,
        contracts.hpc_contracted_gross_mw,
        contracts.hpc_contracted_unknown_basis_mw,
        contracts.contracts_basis,
        contracts.contracts_mw,
        contracts.counterparty_hhi,
        contracts.top_counterparty,
        contracts.contract_value_usd,
        contracts.value_per_mw_year_usd,
        coalesce(contracts.n_contracts, 0) as n_contracts,
        coalesce(contracts.n_counterparties, 0) as n_counterparties,
        coalesce(
            contracts.newest_announced_date > facts.hpc_contracted_stated_date, false
        ) as has_contract_since_stated,
        coalesce(
            coverage.finding = 'none_found'
            and changes.valid_from_date <= coverage.searched_to_date
            and contracts.n_contracts is null,
            false
        ) as is_none_found,
        greatest(facts.newest_known_date, contracts.newest_known_date) as known_date,
        greatest(facts.weakest_quality_rank, contracts.weakest_quality_rank)
            as weakest_quality_rank
    from changes
    left join facts
        on
            changes.ticker = facts.ticker
            and changes.valid_from_date = facts.valid_from_date
    left join contracts
        on
            changes.ticker = contracts.ticker
            and changes.valid_from_date = contracts.valid_from_date
    left join coverage
        on changes.ticker = coverage.ticker

),

with_status as (

    select
        *,
        case
            when hpc_contracted_stated_mw is not null then 'stated'
            when contracts_mw is not null then 'contracts_summed'
            when is_none_found then 'none_found'
            else 'unknown'
        end as hpc_status
    from joined

),

with_headline as (

    select
        *,
        case hpc_status
            when 'stated' then hpc_contracted_stated_mw
            when 'contracts_summed' then contracts_mw
            when 'none_found' then 0
        end as hpc_contracted_mw,
        case hpc_status
            when 'stated' then hpc_contracted_stated_basis
            when 'contracts_summed' then contracts_basis
        end as hpc_contracted_basis
    from with_status

),

-- Like is compared with like: gross with gross, critical IT load through a stated PUE.
-- Megawatts of unknown basis have no share.
with_share_basis as (

    select
        with_headline.*,
        case
            when with_headline.gross_power_mw is null then null
            when with_headline.hpc_contracted_mw = 0 then 'none_contracted'
            when
                with_headline.hpc_contracted_basis = 'critical_it'
                and parameters.pue_assumed is not null then 'critical_it_times_pue'
            when with_headline.hpc_contracted_basis = 'gross' then 'gross'
        end as share_basis,
        parameters.pue_assumed as pue_parameter
    from with_headline
    cross join parameters

),

with_share as (

    select
        *,
        case when share_basis = 'critical_it_times_pue' then pue_parameter end as pue_assumed,
        case share_basis
            when 'none_contracted' then 0
            when 'critical_it_times_pue'
                then hpc_contracted_mw * pue_parameter / nullif(gross_power_mw, 0)
            when 'gross' then hpc_contracted_mw / nullif(gross_power_mw, 0)
        end as hpc_mw_share
    from with_share_basis

),

days as (

    select
        *,
        cast(
            unnest(generate_series(valid_from_date, valid_to_date, interval 1 day)) as date
        ) as as_of_date
    from with_share

),

final as (

    select
        ticker,
        as_of_date,
        {{ end_of_day_new_york('known_date') }} as known_at,
        known_date,
        hpc_contracted_mw,
        hpc_contracted_basis,
        hpc_status,
        hpc_contracted_stated_mw,
        hpc_contracted_stated_basis,
        hpc_contracted_stated_value_basis,
        hpc_contracted_stated_date,
        hpc_contracted_stated_known_date,
        has_contract_since_stated,
        hpc_contracted_critical_it_mw,
        hpc_contracted_gross_mw,
        hpc_contracted_unknown_basis_mw,
        gross_power_mw,
        gross_power_basis,
        gross_power_known_date,
        hpc_mw_share,
        share_basis,
        pue_assumed,
        hpc_revenue_share,
        hpc_revenue_quarter_end_date,
        n_contracts,
        n_counterparties,
        top_counterparty,
        counterparty_hhi,
        contract_value_usd,
        value_per_mw_year_usd,
        cast(
            cast(hpc_contracted_mw is null as integer)
            + cast(gross_power_mw is null as integer)
            + cast(hpc_mw_share is null as integer)
            + cast(hpc_revenue_share is null as integer)
            + cast(contract_value_usd is null and hpc_status <> 'none_found' as integer)
            as integer
        ) as n_fields_missing,
        {{ quality_grade_name('weakest_quality_rank') }} as weakest_source
    from days

)

select * from final
order by ticker asc, as_of_date asc
