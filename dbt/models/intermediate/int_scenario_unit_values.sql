-- Grain: one row per scenario, day and variant, for one converted megawatt of gross power.
with

flows as (

    select * from {{ ref('int_scenario_unit_flows') }}

),

summed as (

    select
        scenario_id,
        as_of_date,
        variant_id,
        changed_assumption,
        changed_value,
        share_converted_pct / 100 as share_converted,
        pue,
        used_hashprice_usd_ph as hashprice_usd_ph,
        hashprice_source,
        hashprice_date,
        forgone_mining_margin_per_mw_usd,
        own_ev_per_mw_usd,
        dc_ev_per_mw_usd,
        {{ in_order('sum', 'present_value_usd', 'year_number') }} as npv_per_mw_usd,
        {{ in_order('avg', 'additional_profit_usd', 'year_number') }} as mean_yearly_profit_per_mw_usd,
        {{ in_order('sum', 'capex_usd', 'year_number') }} as capex_per_converted_mw_usd
    from flows
    group by all

)

select
    *,
    dc_ev_per_mw_usd - own_ev_per_mw_usd as multiple_uplift_per_mw_usd
from summed
