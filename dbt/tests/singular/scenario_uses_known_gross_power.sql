-- Scenario rows whose power is not a total power capacity that was public by then: another kind
-- of megawatt, a later figure, or another share of it than the scenario converts.
with

capacities as (

    select
        ticker,
        value,
        min(known_date) as first_known_date
    from {{ ref('stg_company_facts') }}
    where
        metric = 'total_power_capacity_mw'
        and known_date is not null
    group by ticker, value

),

shares as (

    select
        scenario_id,
        max(value) / 100 as share_converted
    from {{ ref('dim_scenario_assumption') }}
    where assumption = 'share_converted_pct'
    group by scenario_id

)

select
    scenarios.scenario_id,
    scenarios.as_of_date,
    scenarios.ticker,
    scenarios.gross_power_mw,
    scenarios.converted_gross_mw,
    capacities.first_known_date
from {{ ref('fct_valuation_scenario') }} as scenarios
inner join shares on scenarios.scenario_id = shares.scenario_id
left join capacities
    on
        scenarios.ticker = capacities.ticker
        and scenarios.gross_power_mw = capacities.value
where
    scenarios.gross_power_mw is not null
    and (
        coalesce(capacities.first_known_date > scenarios.as_of_date, true)
        or coalesce(
            abs(scenarios.converted_gross_mw - scenarios.gross_power_mw * shares.share_converted)
            > 1e-9 * scenarios.gross_power_mw,
            true
        )
    )
order by scenarios.scenario_id, scenarios.as_of_date, scenarios.ticker
