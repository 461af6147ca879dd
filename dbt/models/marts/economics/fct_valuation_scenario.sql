-- Grain: one row per scenario, day and miner.
with

dates as (

    select * from {{ ref('int_scenario_dates') }}

),

miners as (

    select ticker
    from {{ ref('stg_companies') }}
    where role = 'miner'

),

unit_values as (

    select * from {{ ref('int_scenario_unit_values') }}
    where variant_id = 'base'

),

exposure as (

    select * from {{ ref('fct_ai_exposure') }}

),

market_values as (

    select * from {{ ref('int_scenario_market_values') }}

),

sources as (

    select
        scenario_id,
        count(*) filter (where origin = 'published') as n_assumptions_published,
        count(*) filter (where origin = 'ours') as n_assumptions_ours,
        {{ text_of('assumption', ', ', ['assumption'], where="origin = 'ours'") }}
            as assumptions_ours,
        max({{ quality_grade_rank('source_quality') }}) as weakest_quality_rank
    from {{ ref('dim_scenario_assumption') }}
    where is_input
    group by scenario_id

),

joined as (

    select
        dates.scenario_id,
        dates.as_of_date,
        dates.is_latest,
        miners.ticker,
        exposure.gross_power_mw,
        exposure.gross_power_basis,
        exposure.gross_power_known_date,
        exposure.hpc_mw_share,
        unit_values.share_converted,
        unit_values.hashprice_usd_ph,
        unit_values.hashprice_source,
        unit_values.hashprice_date,
        unit_values.forgone_mining_margin_per_mw_usd,
        unit_values.npv_per_mw_usd,
        unit_values.mean_yearly_profit_per_mw_usd,
        unit_values.capex_per_converted_mw_usd,
        unit_values.own_ev_per_mw_usd,
        unit_values.multiple_uplift_per_mw_usd,
        market_values.market_cap_usd,
        market_values.market_cap_date,
        sources.n_assumptions_published,
        sources.n_assumptions_ours,
        sources.assumptions_ours,
        exposure.gross_power_mw * unit_values.share_converted as converted_gross_mw,
        exposure.gross_power_mw * unit_values.share_converted / unit_values.pue
            as converted_it_mw,
        -- greatest skips NULL: the weakest of what is used.
        greatest(
            sources.weakest_quality_rank,
            case
                when exposure.gross_power_mw is not null
                    then {{ quality_grade_rank('exposure.weakest_source') }}
            end,
            market_values.quality_rank
        ) as weakest_quality_rank
    from dates
    cross join miners
    inner join unit_values
        on
            dates.scenario_id = unit_values.scenario_id
            and dates.as_of_date = unit_values.as_of_date
    inner join sources on dates.scenario_id = sources.scenario_id
    left join exposure
        on
            miners.ticker = exposure.ticker
            and dates.as_of_date = exposure.as_of_date
    left join market_values
        on
            miners.ticker = market_values.ticker
            and dates.as_of_date = market_values.as_of_date

),

valued as (

    select
        *,
        converted_gross_mw * npv_per_mw_usd as npv_usd,
        converted_gross_mw * mean_yearly_profit_per_mw_usd as mean_yearly_profit_usd,
        converted_gross_mw * capex_per_converted_mw_usd as capex_usd,
        converted_gross_mw * multiple_uplift_per_mw_usd as multiple_uplift_usd
    from joined

),

final as (

    select
        scenario_id,
        as_of_date,
        ticker,
        is_latest,
        case
            when gross_power_mw is null then 'no_capacity'
            when npv_per_mw_usd is null then 'no_hashprice'
            else 'ok'
        end as status,
        gross_power_mw,
        gross_power_basis,
        gross_power_known_date,
        hpc_mw_share,
        share_converted,
        converted_gross_mw,
        converted_it_mw,
        hashprice_usd_ph,
        hashprice_source,
        hashprice_date,
        forgone_mining_margin_per_mw_usd,
        npv_per_mw_usd,
        npv_usd,
        mean_yearly_profit_usd,
        capex_usd,
        own_ev_per_mw_usd,
        multiple_uplift_per_mw_usd,
        multiple_uplift_usd,
        market_cap_usd,
        market_cap_date,
        case when market_cap_usd is null then 'missing' else 'stated' end as market_cap_status,
        npv_usd / nullif(market_cap_usd, 0) as npv_share_of_market_cap,
        multiple_uplift_usd / nullif(market_cap_usd, 0) as multiple_uplift_share_of_market_cap,
        n_assumptions_published,
        n_assumptions_ours,
        assumptions_ours,
        cast(
            cast(gross_power_mw is null as integer)
            + cast(hashprice_usd_ph is null as integer)
            + cast(market_cap_usd is null as integer)
            as integer
        ) as n_fields_missing,
        {{ quality_grade_name('weakest_quality_rank') }} as weakest_source
    from valued

)

select * from final
order by scenario_id asc, as_of_date asc, ticker asc
