-- Scenario values that do not follow from the published assumptions, capacity and hashprice: the
-- value of each year is worked anew in one expression, apart from the models that made it.
{%- set rule = var('quality')['scenario_value_follows_from_assumptions'] %}
with

assumed as (

    select
        scenario_id,
        {{ scenario_columns() }}
    from {{ ref('dim_scenario_assumption') }}
    group by scenario_id

),

miners as (

    select
        scenarios.scenario_id,
        scenarios.as_of_date,
        scenarios.ticker,
        scenarios.npv_usd,
        scenarios.multiple_uplift_usd,
        assumed.dc_ev_per_mw_usd - assumed.own_ev_per_mw_usd as worked_uplift_per_mw_usd,
        exposure.gross_power_mw * assumed.share_converted_pct / 100 as worked_converted_mw,
        assumed.revenue_per_mw_year_usd * assumed.utilisation_pct / 100 * assumed.margin_pct / 100
        / assumed.pue as hosting_usd,
        greatest(
            1000 / assumed.mining_efficiency_j_th * scenarios.hashprice_usd_ph * 365
            - 8760 * assumed.power_price_usd_mwh,
            0
        ) * assumed.mining_uptime_pct / 100 as forgone_usd,
        assumed.capex_per_mw_usd / assumed.pue as capex_usd,
        assumed.ramp_years,
        assumed.horizon_years,
        1 + assumed.discount_rate_pct / 100 as growth
    from {{ ref('fct_valuation_scenario') }} as scenarios
    inner join assumed on scenarios.scenario_id = assumed.scenario_id
    left join {{ ref('fct_ai_exposure') }} as exposure
        on
            scenarios.ticker = exposure.ticker
            and scenarios.as_of_date = exposure.as_of_date
    where scenarios.status = 'ok'

),

years as (

    select
        miners.*,
        {{ each_number(1, 'cast(horizon_years as bigint)') }} as t
    from miners

),

worked as (

    select
        scenario_id,
        as_of_date,
        ticker,
        npv_usd,
        multiple_uplift_usd,
        worked_converted_mw * worked_uplift_per_mw_usd as worked_uplift_usd,
        sum(
            worked_converted_mw
            * (
                least(t / ramp_years, 1) * (hosting_usd - forgone_usd)
                - (least(t / ramp_years, 1) - least((t - 1) / ramp_years, 1)) * capex_usd
            )
            / power(growth, t)
        ) as worked_npv_usd
    from years
    group by all

),

flows as (

    select
        scenario_id,
        as_of_date,
        ticker,
        sum(present_value_usd) as sum_of_flows_usd,
        sum((hosting_margin_usd - forgone_mining_margin_usd - capex_usd) * discount_factor)
            as sum_of_parts_usd
    from {{ ref('fct_scenario_cash_flows') }}
    group by scenario_id, as_of_date, ticker

)

select
    worked.*,
    flows.sum_of_flows_usd,
    flows.sum_of_parts_usd
from worked
left join flows
    on
        worked.scenario_id = flows.scenario_id
        and worked.as_of_date = flows.as_of_date
        and worked.ticker = flows.ticker
where
    coalesce(
        greatest(
            abs(worked.npv_usd - worked.worked_npv_usd),
            abs(worked.npv_usd - flows.sum_of_flows_usd),
            abs(worked.npv_usd - flows.sum_of_parts_usd),
            abs(worked.multiple_uplift_usd - worked.worked_uplift_usd)
        ) > {{ rule['threshold'] }} * (1 + abs(worked.npv_usd)),
        true
    )
    or flows.sum_of_flows_usd is null
    or worked.worked_npv_usd is null
order by worked.scenario_id, worked.as_of_date, worked.ticker
