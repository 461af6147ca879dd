-- Grain: one row per scenario and day.
with

miners as (

    select * from {{ ref('fct_valuation_scenario') }}

),

unit_values as (

    select * from {{ ref('int_scenario_unit_values') }}
    where variant_id = 'base'

),

anchors as (

    select
        scenario_id,
        max(value) filter (where assumption = 'anchor_npv_usd') as anchor_npv_usd,
        max(value) filter (where assumption = 'anchor_yearly_profit_usd')
            as anchor_yearly_profit_usd,
        max(value) filter (where assumption = 'anchor_n_miners') as anchor_n_miners
    from {{ ref('dim_scenario_assumption') }}
    group by scenario_id

),

summed as (

    select
        scenario_id,
        as_of_date,
        is_latest,
        count(*) as n_miners,
        count(gross_power_mw) as n_capacity_known,
        {{ text_of('gross_power_basis', ', ', ['gross_power_basis'], once=true) }} as power_bases,
        {{ in_order('sum', 'gross_power_mw', 'ticker') }} as gross_power_mw,
        {{ in_order('sum', 'converted_gross_mw', 'ticker') }} as converted_gross_mw,
        {{ in_order('sum', 'npv_usd', 'ticker') }} as npv_usd,
        {{ in_order('sum', 'mean_yearly_profit_usd', 'ticker') }} as mean_yearly_profit_usd,
        {{ in_order('sum', 'capex_usd', 'ticker') }} as capex_usd,
        {{ in_order('sum', 'multiple_uplift_usd', 'ticker') }} as multiple_uplift_usd
    from miners
    group by scenario_id, as_of_date, is_latest

),

final as (

    select
        summed.scenario_id,
        summed.as_of_date,
        summed.is_latest,
        summed.n_miners,
        summed.n_capacity_known,
        summed.power_bases,
        summed.gross_power_mw,
        summed.converted_gross_mw,
        unit_values.hashprice_usd_ph,
        unit_values.forgone_mining_margin_per_mw_usd,
        unit_values.npv_per_mw_usd,
        unit_values.mean_yearly_profit_per_mw_usd,
        unit_values.multiple_uplift_per_mw_usd,
        unit_values.own_ev_per_mw_usd as anchor_own_ev_per_mw_usd,
        unit_values.dc_ev_per_mw_usd as anchor_dc_ev_per_mw_usd,
        summed.npv_usd,
        summed.mean_yearly_profit_usd,
        summed.capex_usd,
        summed.multiple_uplift_usd,
        -- How many years of mean profit the value is: free of megawatts, so it compares with a
        -- universe that is not ours.
        case
            when unit_values.mean_yearly_profit_per_mw_usd > 0
                then unit_values.npv_per_mw_usd / unit_values.mean_yearly_profit_per_mw_usd
        end as npv_to_yearly_profit,
        anchors.anchor_npv_usd,
        anchors.anchor_yearly_profit_usd,
        cast(anchors.anchor_n_miners as integer) as anchor_n_miners,
        anchors.anchor_npv_usd / nullif(anchors.anchor_yearly_profit_usd, 0)
            as anchor_npv_to_yearly_profit,
        summed.npv_usd / nullif(summed.n_capacity_known, 0) as npv_per_miner_usd,
        anchors.anchor_npv_usd / nullif(anchors.anchor_n_miners, 0) as anchor_npv_per_miner_usd,
        -- The megawatts that would earn the published profit at our profit per megawatt.
        case
            when unit_values.mean_yearly_profit_per_mw_usd > 0
                then anchors.anchor_yearly_profit_usd / unit_values.mean_yearly_profit_per_mw_usd
        end as anchor_implied_converted_mw,
        case
            when unit_values.mean_yearly_profit_per_mw_usd > 0
                then
                    anchors.anchor_npv_usd
                    * unit_values.mean_yearly_profit_per_mw_usd
                    / nullif(anchors.anchor_yearly_profit_usd, 0)
        end as anchor_implied_npv_per_mw_usd
    from summed
    inner join unit_values
        on
            summed.scenario_id = unit_values.scenario_id
            and summed.as_of_date = unit_values.as_of_date
    left join anchors on summed.scenario_id = anchors.scenario_id

)

select * from final
order by scenario_id asc, as_of_date asc
