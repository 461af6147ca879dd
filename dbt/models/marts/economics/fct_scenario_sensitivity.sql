-- Grain: one row per scenario, day, assumption and value it takes.
with

variants as (

    select * from {{ ref('int_scenario_unit_values') }}
    where changed_assumption is not null

),

base as (

    select * from {{ ref('int_scenario_unit_values') }}
    where variant_id = 'base'

),

universe as (

    select * from {{ ref('fct_scenario_universe') }}

),

assumptions as (

    select * from {{ ref('dim_scenario_assumption') }}

),

valued as (

    select
        variants.scenario_id,
        variants.as_of_date,
        variants.changed_assumption as assumption,
        variants.changed_value as value,
        coalesce(
            assumptions.value,
            case
                when variants.changed_assumption = 'hashprice_usd_ph' then base.hashprice_usd_ph
            end
        ) as base_value,
        variants.npv_per_mw_usd,
        base.npv_per_mw_usd as base_npv_per_mw_usd,
        variants.mean_yearly_profit_per_mw_usd,
        variants.multiple_uplift_per_mw_usd,
        universe.gross_power_mw * variants.share_converted * variants.npv_per_mw_usd as npv_usd,
        universe.npv_usd as base_npv_usd
    from variants
    inner join base
        on
            variants.scenario_id = base.scenario_id
            and variants.as_of_date = base.as_of_date
    inner join universe
        on
            variants.scenario_id = universe.scenario_id
            and variants.as_of_date = universe.as_of_date
    left join assumptions
        on
            variants.scenario_id = assumptions.scenario_id
            and variants.changed_assumption = assumptions.assumption

),

final as (

    select
        scenario_id,
        as_of_date,
        assumption,
        value,
        base_value,
        coalesce(value = base_value, false) as is_base,
        npv_per_mw_usd,
        npv_per_mw_usd - base_npv_per_mw_usd as npv_per_mw_change_usd,
        npv_usd,
        npv_usd - base_npv_usd as npv_change_usd,
        mean_yearly_profit_per_mw_usd,
        case
            when mean_yearly_profit_per_mw_usd > 0
                then npv_per_mw_usd / mean_yearly_profit_per_mw_usd
        end as npv_to_yearly_profit,
        multiple_uplift_per_mw_usd
    from valued

)

select * from final
order by scenario_id asc, as_of_date asc, assumption asc, value asc
