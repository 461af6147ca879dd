-- Grain: one row per UTC day.
with

network as (

    select * from {{ ref('stg_network_metrics') }}

),

exchange_prices as (

    select
        date_utc,
        close_usd
    from {{ ref('stg_btc_prices') }}

),

halvings as (

    {{ halvings() }}

),

-- Fees and new coins come in dollars at the network source's own price, so that price
-- turns them back into bitcoin without error. The exchange's close stands in only for
-- the value of a bitcoin, never for that conversion.
priced as (

    select
        network.date_utc,
        network.difficulty,
        network.blocks,
        coalesce(network.price_usd, exchange_prices.close_usd) as price_usd,
        case
            when network.price_usd is not null then 'network_reference'
            when exchange_prices.close_usd is not null then 'exchange_utc_close'
        end as price_source,
        network.fees_usd / network.price_usd as reported_fees_btc,
        network.issuance_usd / network.price_usd / nullif(network.blocks, 0)
            as issued_per_block_btc
    from network
    left join exchange_prices
        on network.date_utc = exchange_prices.date_utc

),

-- The latest halving on or before the day.
with_halving as (

    select
        priced.*,
        halvings.halving_number,
        halvings.halving_date,
        halvings.subsidy_btc as scheduled_subsidy_btc
    from priced
    left join halvings
        on priced.date_utc >= halvings.halving_date
    qualify row_number() over (
            partition by priced.date_utc
            order by halvings.halving_date desc nulls last
        ) = 1

),

-- Around a halving a day can hold blocks of both subsidies, and sources cut days by
-- different clocks: the fourth halving's first blocks (00:09 UTC, 20 April 2024) count
-- into 19 April in the bundled figures. There the mean subsidy is what the day issued.
with_mixed_days as (

    select
        *,
        (
            exists (
                select 1
                from halvings
                where
                    halvings.halving_number > 0
                    and with_halving.date_utc between halvings.halving_date - 1
                    and halvings.halving_date
            )
        ) as is_near_halving
    from with_halving

),

with_subsidy as (

    select
        *,
        case
            when is_near_halving or date_utc > {{ halvings_known_until() }}
                then issued_per_block_btc
            else scheduled_subsidy_btc
        end as subsidy_btc,
        case
            when not is_near_halving and date_utc <= {{ halvings_known_until() }}
                then case when scheduled_subsidy_btc is not null then 'halving_schedule' end
            when issued_per_block_btc is not null then 'issuance_of_the_day'
        end as subsidy_source
    from with_mixed_days

),

-- A source may stop serving fees while all else goes on. Their share of what miners earn moves
-- slowly, so the share of the last days that have them stands in, flagged and not for long.
with_trailing_share as (

    select
        date_utc,
        case
            when count(reported_fees_btc * subsidy_btc) over trailing_days >= 7
                then
                    sum(case when subsidy_btc is not null then reported_fees_btc end)
                        over trailing_days
                    / sum(case when reported_fees_btc is not null then subsidy_btc * blocks end)
                        over trailing_days
        end as fees_per_subsidy
    from with_subsidy
    window trailing_days as (
        order by date_utc
        range between interval {{ var('fee_share_days') - 1 }} days preceding and current row
    )

),

with_last_reported as (

    select
        *,
        max(case when reported_fees_btc is not null and subsidy_btc is not null then date_utc end)
            over (order by date_utc rows between unbounded preceding and current row)
            as last_fees_date
    from with_subsidy

),

with_fees as (

    select
        days.*,
        coalesce(
            days.reported_fees_btc, shares.fees_per_subsidy * days.subsidy_btc * days.blocks
        ) as fees_btc,
        case
            when days.reported_fees_btc is not null then 'reported'
            when shares.fees_per_subsidy * days.subsidy_btc is not null then 'trailing_share'
        end as fee_source
    from with_last_reported as days
    left join with_trailing_share as shares
        on
            days.last_fees_date = shares.date_utc
            and {{ days_between('days.last_fees_date', 'days.date_utc') }}
            <= {{ var('fee_share_max_age_days') }}

),

-- 2^32 hashes per unit of difficulty and block; one PH/s is 1e15 hashes per second.
with_hashprice as (

    select
        *,
        difficulty * 4294967296e0 * blocks / 86400e0 / 1e18 as network_eh_s,
        1e15 * 86400e0 / nullif(difficulty * 4294967296e0, 0)
        * (subsidy_btc + fees_btc / nullif(blocks, 0)) as hashprice_btc_ph
    from with_fees

),

with_rewards as (

    select
        *,
        subsidy_btc * blocks + fees_btc as network_btc,
        fees_btc / nullif(subsidy_btc * blocks + fees_btc, 0) as fee_share_of_revenue,
        hashprice_btc_ph * price_usd as hashprice_usd_ph
    from with_hashprice

),

-- A day's blocks are a draw around 144, so its hashrate jumps by a tenth either way; the
-- mean of seven days is what people compare. With a day missing there is none.
with_smoothing as (

    select
        *,
        case
            when count(*) over seven_days = 7 then avg(network_eh_s) over seven_days
        end as network_eh_s_7d
    from with_rewards
    window seven_days as (
        order by date_utc
        range between interval 6 days preceding and current row
    )

),

with_change as (

    select
        today.*,
        today.hashprice_usd_ph / nullif(earlier.hashprice_usd_ph, 0) - 1 as hashprice_change_30d
    from with_smoothing as today
    left join with_rewards as earlier
        on today.date_utc - 30 = earlier.date_utc

),

final as (

    select
        date_utc,
        price_usd,
        price_source,
        difficulty,
        blocks,
        subsidy_btc,
        subsidy_source,
        issued_per_block_btc,
        fees_btc,
        fee_source,
        network_btc,
        fee_share_of_revenue,
        network_eh_s,
        network_eh_s_7d,
        hashprice_btc_ph,
        hashprice_usd_ph,
        hashprice_change_30d,
        1e3 * hashprice_usd_ph as revenue_usd_eh,
        case when date_utc <= {{ halvings_known_until() }} then {{ days_between('halving_date', 'date_utc') }}
        end as days_since_halving,
        case when date_utc <= {{ halvings_known_until() }} then halving_number end
            as halving_number
    from with_change

)

select * from final
order by date_utc asc
