-- Grain: one row per halving and length of the compared spans.
with

days as (

    select * from {{ ref('fct_mining_economics') }}

),

halvings as (

    {{ halvings() }}

),

spans (window_days) as (

    values
    {%- for days in var('halving_effect_days') %}
    ({{ days }}){{ ',' if not loop.last }}
    {%- endfor %}

),

-- ln(hashprice) is a sum: price + subsidy + fees on top of the subsidy - difficulty. Means of
-- logarithms therefore split its change without a remainder.
logs as (

    select
        date_utc,
        ln(nullif(price_usd, 0)) as ln_price,
        ln(nullif(subsidy_btc, 0)) as ln_subsidy,
        ln(1 + fees_btc / nullif(blocks * subsidy_btc, 0)) as ln_fee_factor,
        ln(difficulty) as ln_difficulty,
        ln(nullif(hashprice_usd_ph, 0)) as ln_hashprice,
        network_eh_s,
        fee_share_of_revenue
    from days
    -- An estimated share of fees says nothing of what a halving did to fees.
    where fee_source is null or fee_source <> 'trailing_share'

),

compared as (

    select
        halvings.halving_number,
        halvings.halving_date,
        spans.window_days,
        logs.date_utc >= halvings.halving_date as is_after,
        logs.*
    from halvings
    cross join spans
    inner join logs
        on
            logs.date_utc >= halvings.halving_date - spans.window_days
            and logs.date_utc < halvings.halving_date + spans.window_days
    where halvings.halving_number > 0

),

-- Only days for which the hashprice is known enter; a span that lacks one has no mean.
sides as (

    select
        halving_number,
        halving_date,
        window_days,
        count(ln_hashprice) filter (where not is_after) as n_days_before,
        count(ln_hashprice) filter (where is_after) as n_days_after,
        avg(ln_price) filter (where not is_after) as ln_price_before,
        avg(ln_price) filter (where is_after) as ln_price_after,
        avg(ln_subsidy) filter (where not is_after) as ln_subsidy_before,
        avg(ln_subsidy) filter (where is_after) as ln_subsidy_after,
        avg(ln_fee_factor) filter (where not is_after) as ln_fee_factor_before,
        avg(ln_fee_factor) filter (where is_after) as ln_fee_factor_after,
        avg(ln_difficulty) filter (where not is_after) as ln_difficulty_before,
        avg(ln_difficulty) filter (where is_after) as ln_difficulty_after,
        avg(ln_hashprice) filter (where not is_after) as ln_hashprice_before,
        avg(ln_hashprice) filter (where is_after) as ln_hashprice_after,
        avg(network_eh_s) filter (where not is_after) as network_eh_s_before,
        avg(network_eh_s) filter (where is_after) as network_eh_s_after,
        avg(fee_share_of_revenue) filter (where not is_after) as fee_share_before,
        avg(fee_share_of_revenue) filter (where is_after) as fee_share_after
    from compared
    group by halving_number, halving_date, window_days

),

with_status as (

    select
        *,
        case
            when n_days_before = window_days and n_days_after = window_days then 'ok'
            else 'incomplete'
        end as status
    from sides

),

complete as (

    select * from with_status
    where status = 'ok'

),

final as (

    select
        with_status.halving_number,
        with_status.halving_date,
        cast(with_status.window_days as integer) as window_days,
        with_status.n_days_before,
        with_status.n_days_after,
        with_status.status,
        exp(complete.ln_hashprice_before) as hashprice_usd_ph_before,
        exp(complete.ln_hashprice_after) as hashprice_usd_ph_after,
        exp(complete.ln_hashprice_after - complete.ln_hashprice_before) - 1 as hashprice_change,
        complete.ln_hashprice_after - complete.ln_hashprice_before as hashprice_log_change,
        complete.ln_subsidy_after - complete.ln_subsidy_before as subsidy_part,
        complete.ln_fee_factor_after - complete.ln_fee_factor_before as fee_part,
        complete.ln_price_after - complete.ln_price_before as price_part,
        complete.ln_difficulty_before - complete.ln_difficulty_after as difficulty_part,
        complete.fee_share_before,
        complete.fee_share_after,
        complete.network_eh_s_before,
        complete.network_eh_s_after
    from with_status
    left join complete
        on
            with_status.halving_number = complete.halving_number
            and with_status.window_days = complete.window_days

)

select * from final
order by halving_number asc, window_days asc
