-- Miner days that show a figure which was not public by the end of the day. The figures
-- are looked up in the ledger and in the filings again, so that a wrong date in the mart cannot
-- hide one: ledger figures by their value, share counts (which splits change) and filed
-- figures by the day or the end of the months that they are for.
with

exposure as (

    select * from {{ ref('fct_ai_exposure') }}

),

contract_sums as (

    select
        exposure.ticker,
        exposure.as_of_date,
        count(*) filter (where contracts.adds_contracted_capacity) as n_contracts,
        sum(contracts.capacity_change_mw) filter (where contracts.power_basis = 'critical_it')
            as critical_it_mw,
        sum(contracts.capacity_change_mw) filter (where contracts.power_basis = 'gross')
            as gross_mw,
        sum(contracts.capacity_change_mw) filter (where contracts.power_basis = 'unknown')
            as unknown_basis_mw
    from exposure
    inner join {{ ref('fct_capex_announcements') }} as contracts
        on
            exposure.ticker = contracts.ticker
            and contracts.contract_id is not null
            and contracts.known_at <= {{ end_of_day_new_york('exposure.as_of_date') }}
            and (
                contracts.capacity_ended_on is null
                or contracts.capacity_ended_on > exposure.as_of_date
            )
    group by exposure.ticker, exposure.as_of_date

),

figures as (

    {% for metric, column, condition in [
        ('contracted_hpc_mw', 'hpc_contracted_stated_mw', 'true'),
        ('total_power_capacity_mw', 'gross_power_mw', 'true'),
        ('operational_hpc_mw', 'hpc_delivered_mw', 'true'),
        ('market_cap_usd', 'market_cap_usd', "market_cap_basis = 'stated'"),
    ] %}
    {% if not loop.first %}union all{% endif %}
    select
        ticker,
        as_of_date,
        '{{ metric }}' as metric,
        'ledger' as source,
        {{ column }} as value,
        null::date as figure_date
    from exposure
    where
        {{ column }} is not null
        and {{ condition }}
    {% endfor %}
    union all
    select
        ticker,
        as_of_date,
        'shares_outstanding' as metric,
        shares_source as source,
        null as value,
        shares_outstanding_date as figure_date
    from exposure
    where shares_outstanding is not null
    union all
    select
        ticker,
        as_of_date,
        'capex_usd' as metric,
        capex_source as source,
        null as value,
        capex_ttm_end_date as figure_date
    from exposure
    where
        capex_ttm_usd is not null
        and capex_source = 'xbrl'

),

known_figures as (

    select
        ticker,
        metric,
        'ledger' as source,
        value,
        null::date as figure_date,
        min(known_date) as known_date
    from {{ ref('stg_company_facts') }}
    where
        known_date is not null
        and metric <> 'shares_outstanding'
    group by ticker, metric, value
    union all
    select
        ticker,
        metric,
        'ledger' as source,
        null as value,
        as_of_date as figure_date,
        min(known_date) as known_date
    from {{ ref('stg_company_facts') }}
    where
        known_date is not null
        and metric = 'shares_outstanding'
    group by ticker, metric, as_of_date
    union all
    select
        facts.ticker,
        concepts.metric,
        'xbrl' as source,
        null as value,
        facts.period_end_date as figure_date,
        min(facts.known_date) as known_date
    from {{ ref('stg_xbrl_facts') }} as facts
    inner join {{ ref('stg_study_xbrl_concepts') }} as concepts
        on
            facts.taxonomy = concepts.taxonomy
            and facts.concept = concepts.concept
    group by facts.ticker, concepts.metric, facts.period_end_date

),

late_figures as (

    select
        figures.ticker,
        figures.as_of_date,
        {{ text_of('figures.metric', ', ', ['figures.metric']) }} as metrics,
        max(known_figures.known_date) as figure_known_date
    from figures
    left join known_figures
        on
            figures.ticker = known_figures.ticker
            and figures.metric = known_figures.metric
            and figures.source is not distinct from known_figures.source
            and figures.value is not distinct from known_figures.value
            and figures.figure_date is not distinct from known_figures.figure_date
    where coalesce(known_figures.known_date > figures.as_of_date, true)
    group by figures.ticker, figures.as_of_date

)

select
    exposure.ticker,
    exposure.as_of_date,
    exposure.known_date,
    late_figures.metrics as figures_not_yet_known,
    late_figures.figure_known_date,
    exposure.market_session_date,
    exposure.n_contracts,
    contract_sums.n_contracts as n_contracts_known
from exposure
left join contract_sums
    on
        exposure.ticker = contract_sums.ticker
        and exposure.as_of_date = contract_sums.as_of_date
left join late_figures
    on
        exposure.ticker = late_figures.ticker
        and exposure.as_of_date = late_figures.as_of_date
where
    exposure.known_date > exposure.as_of_date
    or exposure.known_at > {{ end_of_day_new_york('exposure.as_of_date') }}
    or exposure.market_session_date > exposure.as_of_date
    or late_figures.metrics is not null
    or exposure.n_contracts <> coalesce(contract_sums.n_contracts, 0)
    -- Capacities with decimals, added in another order, differ by rounding.
    or (exposure.hpc_contracted_critical_it_mw is null) <> (contract_sums.critical_it_mw is null)
    or abs(exposure.hpc_contracted_critical_it_mw - contract_sums.critical_it_mw) > 1e-6
    or (exposure.hpc_contracted_gross_mw is null) <> (contract_sums.gross_mw is null)
    or abs(exposure.hpc_contracted_gross_mw - contract_sums.gross_mw) > 1e-6
    or (exposure.hpc_contracted_unknown_basis_mw is null) <> (contract_sums.unknown_basis_mw is null)
    or abs(exposure.hpc_contracted_unknown_basis_mw - contract_sums.unknown_basis_mw) > 1e-6
order by exposure.ticker, exposure.as_of_date
