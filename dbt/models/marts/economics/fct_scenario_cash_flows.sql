-- Grain: one row per scenario, day, miner with known capacity and year.
with

miners as (

    select * from {{ ref('fct_valuation_scenario') }}
    where status = 'ok'

),

flows as (

    select * from {{ ref('int_scenario_unit_flows') }}
    where variant_id = 'base'

),

final as (

    select
        miners.scenario_id,
        miners.as_of_date,
        miners.ticker,
        flows.year_number,
        miners.converted_gross_mw * flows.operating_mw as operating_gross_mw,
        miners.converted_gross_mw * flows.added_mw as added_gross_mw,
        miners.converted_gross_mw * flows.revenue_usd as revenue_usd,
        miners.converted_gross_mw * flows.hosting_margin_usd as hosting_margin_usd,
        miners.converted_gross_mw * flows.forgone_mining_margin_usd as forgone_mining_margin_usd,
        miners.converted_gross_mw * flows.capex_usd as capex_usd,
        miners.converted_gross_mw * flows.net_cash_flow_usd as net_cash_flow_usd,
        flows.discount_factor,
        miners.converted_gross_mw * flows.present_value_usd as present_value_usd
    from miners
    inner join flows
        on
            miners.scenario_id = flows.scenario_id
            and miners.as_of_date = flows.as_of_date

)

select * from final
order by scenario_id asc, as_of_date asc, ticker asc, year_number asc
