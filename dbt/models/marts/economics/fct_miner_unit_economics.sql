-- Grain: one row per miner, period (month, quarter, half, year) and day on which something about it became known.
with

versions as (

    select * from {{ ref('int_miner_period_versions') }}

),

network as (

    select * from {{ ref('fct_mining_economics') }}

),

periods as (

    select distinct
        period_start_date,
        period_end_date
    from versions

),

-- The network over the same days. One day without figures leaves the whole period without:
-- a sum over fewer days would make the miner look larger.
network_sums as (

    select
        periods.period_start_date,
        periods.period_end_date,
        count(network.network_btc) = {{ days_between('periods.period_start_date', 'periods.period_end_date') }} + 1
            as is_complete,
        count(network.network_btc) = count(network.price_usd) as has_prices,
        sum(network.network_btc) as network_btc,
        avg(network.network_eh_s) as network_eh_s,
        avg(network.price_usd) as price_usd,
        min(network.halving_number) < max(network.halving_number) as spans_halving
    from periods
    left join network
        on network.date_utc between periods.period_start_date and periods.period_end_date
    group by periods.period_start_date, periods.period_end_date

),

joined as (

    select
        versions.*,
        network_sums.spans_halving,
        coalesce(network_sums.is_complete, false) as is_network_complete,
        case when network_sums.is_complete then network_sums.network_btc end as network_btc,
        case when network_sums.is_complete then network_sums.network_eh_s end as network_eh_s,
        case
            when network_sums.is_complete and network_sums.has_prices
                then network_sums.price_usd
        end as mean_price_usd
    from versions
    left join network_sums
        on
            versions.period_start_date = network_sums.period_start_date
            and versions.period_end_date = network_sums.period_end_date

),

-- What was switched on over the period: the mean of both ends where both are known, since a
-- fleet that doubles within a quarter cannot have mined with its last size all along. One end
-- stands for a month or a quarter, not for a year.
with_hashrate as (

    select
        *,
        btc_mined / nullif(network_btc / nullif(network_eh_s, 0), 0) as realised_eh_s,
        case
            when energised_start_eh_s is not null and energised_end_eh_s is not null
                then (energised_start_eh_s + energised_end_eh_s) / 2
            when period in ('month', 'quarter')
                then coalesce(energised_end_eh_s, energised_start_eh_s)
        end as energised_eh_s,
        case
            when energised_start_eh_s is not null and energised_end_eh_s is not null
                then 'mean_of_start_and_end'
            when period not in ('month', 'quarter') then null
            when energised_end_eh_s is not null then 'period_end'
            when energised_start_eh_s is not null then 'period_start'
        end as energised_basis
    from joined

),

final as (

    select
        ticker,
        period,
        period_start_date,
        period_end_date,
        known_date,
        {{ end_of_day_new_york('known_date') }} as known_at,
        superseded_date,
        superseded_date is null as is_latest,
        btc_mined,
        network_btc,
        network_eh_s,
        btc_mined / nullif(network_btc, 0) as network_share,
        realised_eh_s,
        case
            when btc_mined is null then 'no_btc_mined'
            when not is_network_complete then 'network_incomplete'
            else 'ok'
        end as realised_status,
        stated_mean_eh_s,
        energised_start_eh_s,
        energised_end_eh_s,
        energised_eh_s,
        energised_basis,
        realised_eh_s / nullif(energised_eh_s, 0) as realisation_rate,
        coalesce(spans_halving, false) as spans_halving,
        btc_mined * mean_price_usd as btc_mined_value_usd,
        total_revenue_usd,
        hpc_revenue_usd,
        total_revenue_usd - hpc_revenue_usd as mining_and_other_revenue_usd,
        hpc_revenue_usd / nullif(total_revenue_usd, 0) as hpc_revenue_share,
        btc_held,
        cast(
            cast(btc_mined is null as integer)
            + cast(realised_eh_s is null as integer)
            + cast(energised_eh_s is null as integer)
            + cast(total_revenue_usd is null as integer)
            + cast(hpc_revenue_usd is null as integer)
            + cast(btc_held is null as integer)
            as integer
        ) as n_fields_missing,
        {{ quality_grade_name('weakest_quality_rank') }} as weakest_source,
        case weakest_value_basis_rank
            when 1 then 'as_stated'
            when 2 then 'approximate'
            when 3 then 'derived'
            else 'unknown'
        end as weakest_value_basis
    from with_hashrate

)

select * from final
order by ticker asc, period_end_date asc, period asc, known_date asc
