-- Grain: one row per scenario, day, variant and year, for one converted megawatt of gross power.
with

dates as (

    select * from {{ ref('int_scenario_dates') }}

),

variants as (

    select * from {{ ref('int_scenario_variants') }}

),

network as (

    select
        date_utc,
        hashprice_usd_ph,
        row_number() over (order by date_utc asc) as day_rank
    from {{ ref('fct_mining_economics') }}
    where hashprice_usd_ph is not null

),

-- How many days in a row, up to this one, have a hashprice: days of one run are as far from
-- their rank as one another.
runs as (

    select
        date_utc,
        hashprice_usd_ph,
        row_number() over (
            partition by {{ days_between("date '2009-01-01'", 'date_utc') }} - day_rank
            order by date_utc asc
        ) as n_days_in_a_row
    from network

),

spans as (

    select distinct
        dates.as_of_date,
        dates.is_latest,
        variants.hashprice_mean_days
    from dates
    inner join variants on dates.scenario_id = variants.scenario_id

),

-- A UTC day is over before its day in New York is. Without every day of the span there is no
-- mean: a gap could hide a jump. The newest session's span may end with an earlier day, the last
-- that has one: network figures come later than prices, or have ended.
span_ends as (

    select
        spans.as_of_date,
        spans.is_latest,
        spans.hashprice_mean_days,
        max(runs.date_utc) as hashprice_date
    from spans
    left join runs
        on
            spans.hashprice_mean_days <= runs.n_days_in_a_row
            and spans.as_of_date >= runs.date_utc
            and (spans.is_latest or spans.as_of_date = runs.date_utc)
    group by spans.as_of_date, spans.is_latest, spans.hashprice_mean_days

),

network_hashprices as (

    select
        span_ends.as_of_date,
        span_ends.is_latest,
        span_ends.hashprice_mean_days,
        span_ends.hashprice_date,
        {{ in_order('avg', 'network.hashprice_usd_ph', 'network.date_utc') }} as mean_hashprice_usd_ph
    from span_ends
    inner join network
        on
            span_ends.hashprice_date - cast(span_ends.hashprice_mean_days as integer)
            < network.date_utc
            and span_ends.hashprice_date >= network.date_utc
    group by
        span_ends.as_of_date,
        span_ends.is_latest,
        span_ends.hashprice_mean_days,
        span_ends.hashprice_date

),

with_hashprice as (

    select
        variants.*,
        dates.as_of_date,
        coalesce(variants.hashprice_usd_ph, network_hashprices.mean_hashprice_usd_ph)
            as used_hashprice_usd_ph,
        case
            when variants.hashprice_usd_ph is not null then 'assumption'
            when network_hashprices.hashprice_date < dates.as_of_date then 'earlier_network_mean'
            when network_hashprices.hashprice_date is not null then 'network_mean'
        end as hashprice_source,
        case when variants.hashprice_usd_ph is null then network_hashprices.hashprice_date end
            as hashprice_date
    from dates
    inner join variants on dates.scenario_id = variants.scenario_id
    left join network_hashprices
        on
            dates.as_of_date = network_hashprices.as_of_date
            and dates.is_latest = network_hashprices.is_latest
            and variants.hashprice_mean_days = network_hashprices.hashprice_mean_days

),

-- One megawatt runs 1000 / (J/TH) PH/s: 1e6 W over J/TH are TH/s. A year has 365 days of 24
-- hours; machines that would lose money are switched off, so nothing below zero is given up.
with_forgone as (

    select
        *,
        1e3 / nullif(mining_efficiency_j_th, 0) * used_hashprice_usd_ph * 365
        - power_price_usd_mwh * 8760 as running_mining_margin_per_mw_usd
    from with_hashprice

),

with_margin as (

    select
        *,
        case
            when running_mining_margin_per_mw_usd > 0
                then running_mining_margin_per_mw_usd * mining_uptime_pct / 100
            when running_mining_margin_per_mw_usd <= 0 then 0
        end as forgone_mining_margin_per_mw_usd
    from with_forgone

),

years as (

    select
        *,
        {{ each_number(1, 'cast(horizon_years as bigint)') }} as year_number
    from with_margin

),

ramped as (

    select
        *,
        least(year_number / ramp_years, 1) as operating_mw,
        least(year_number / ramp_years, 1) - least((year_number - 1) / ramp_years, 1) as added_mw
    from years

),

flows as (

    select
        *,
        operating_mw / pue * revenue_per_mw_year_usd * utilisation_pct / 100 as revenue_usd,
        operating_mw / pue * revenue_per_mw_year_usd * utilisation_pct / 100 * margin_pct / 100
            as hosting_margin_usd,
        operating_mw * forgone_mining_margin_per_mw_usd as forgone_mining_margin_usd,
        added_mw / pue * capex_per_mw_usd as capex_usd,
        power(1 + discount_rate_pct / 100, -year_number) as discount_factor
    from ramped

),

netted as (

    select
        *,
        hosting_margin_usd - forgone_mining_margin_usd as additional_profit_usd,
        hosting_margin_usd - forgone_mining_margin_usd - capex_usd as net_cash_flow_usd
    from flows

)

select
    *,
    net_cash_flow_usd * discount_factor as present_value_usd
from netted
