-- What converting power to AI hosting would be worth, miner by miner, under the assumptions of a
-- scenario or under yours: a named argument takes the place of one published assumption, such as
-- discount_pct := 15 (percent), share_pct (percent of gross power), ramp and horizon (years),
-- revenue_usd, capex_usd, dc_ev_usd and own_ev_usd (per MW), margin, utilisation and uptime
-- (percent), pue_ratio, efficiency (J/TH), power_usd (per MWh), hashprice_usd (per PH/s and day,
-- instead of the network's mean over mean_days days). Without any it answers what
-- fct_valuation_scenario holds. A computation of what the assumptions imply, not a forecast.
-- Example: from marts.scenario('vaneck_2024', '2025-03-25', discount_pct := 15)
create macro marts.scenario(
    scenario,
    day,
    share_pct := null,
    ramp := null,
    horizon := null,
    discount_pct := null,
    revenue_usd := null,
    utilisation := null,
    margin := null,
    capex_usd := null,
    pue_ratio := null,
    efficiency := null,
    power_usd := null,
    uptime := null,
    mean_days := null,
    dc_ev_usd := null,
    own_ev_usd := null,
    hashprice_usd := null
) as table
with

known as (

    select
        max(scenario_id) filter (where scenario_id = cast(scenario as varchar)) as scenario_id,
        max(as_of_date) filter (
            where scenario_id = cast(scenario as varchar)
            and as_of_date = try_cast(cast(day as varchar) as date)
        ) as as_of_date,
        bool_or(is_latest) filter (
            where scenario_id = cast(scenario as varchar)
            and as_of_date = try_cast(cast(day as varchar) as date)
        ) as is_latest,
        string_agg(distinct scenario_id, ', ' order by scenario_id) as scenario_ids,
        string_agg(distinct cast(as_of_date as varchar), ', ' order by cast(as_of_date as varchar))
            filter (where scenario_id = cast(scenario as varchar)) as days
    from marts.fct_valuation_scenario

),

chosen as (

    select
        case
            when scenario_id is null
                then error(
                        'There is no scenario ''' || coalesce(cast(scenario as varchar), 'NULL')
                        || '''. Scenarios: ' || coalesce(scenario_ids, 'none')
                    )
            when as_of_date is null
                then error(
                        'Scenario ''' || scenario_id || ''' is not computed for '
                        || coalesce(cast(day as varchar), 'NULL') || '. Days: ' || days
                    )
            else scenario_id
        end as scenario_id,
        as_of_date,
        is_latest
    from known

),

published as (

    select
        max(inputs.value) filter (where inputs.assumption = 'share_converted_pct') as i_share_pct,
        max(inputs.value) filter (where inputs.assumption = 'ramp_years') as i_ramp,
        max(inputs.value) filter (where inputs.assumption = 'horizon_years') as i_horizon,
        max(inputs.value) filter (where inputs.assumption = 'discount_rate_pct') as i_discount_pct,
        max(inputs.value) filter (where inputs.assumption = 'revenue_per_mw_year_usd')
            as i_revenue_usd,
        max(inputs.value) filter (where inputs.assumption = 'utilisation_pct') as i_utilisation,
        max(inputs.value) filter (where inputs.assumption = 'margin_pct') as i_margin,
        max(inputs.value) filter (where inputs.assumption = 'capex_per_mw_usd') as i_capex_usd,
        max(inputs.value) filter (where inputs.assumption = 'pue') as i_pue,
        max(inputs.value) filter (where inputs.assumption = 'mining_efficiency_j_th')
            as i_efficiency,
        max(inputs.value) filter (where inputs.assumption = 'power_price_usd_mwh') as i_power_usd,
        max(inputs.value) filter (where inputs.assumption = 'mining_uptime_pct') as i_uptime,
        max(inputs.value) filter (where inputs.assumption = 'hashprice_mean_days') as i_mean_days,
        max(inputs.value) filter (where inputs.assumption = 'dc_ev_per_mw_usd') as i_dc_ev_usd,
        max(inputs.value) filter (where inputs.assumption = 'own_ev_per_mw_usd') as i_own_ev_usd,
        max(inputs.value) filter (where inputs.assumption = 'hashprice_usd_ph') as i_hashprice_usd
    from marts.dim_scenario_assumption as inputs
    inner join chosen on inputs.scenario_id = chosen.scenario_id

),

asked as (

    select
        coalesce(cast(share_pct as double), i_share_pct) as a_share_pct,
        coalesce(cast(ramp as double), i_ramp) as a_ramp,
        coalesce(cast(horizon as double), i_horizon) as a_horizon,
        coalesce(cast(discount_pct as double), i_discount_pct) as a_discount_pct,
        coalesce(cast(revenue_usd as double), i_revenue_usd) as a_revenue_usd,
        coalesce(cast(utilisation as double), i_utilisation) as a_utilisation,
        coalesce(cast(margin as double), i_margin) as a_margin,
        coalesce(cast(capex_usd as double), i_capex_usd) as a_capex_usd,
        coalesce(cast(pue_ratio as double), i_pue) as a_pue,
        coalesce(cast(efficiency as double), i_efficiency) as a_efficiency,
        coalesce(cast(power_usd as double), i_power_usd) as a_power_usd,
        coalesce(cast(uptime as double), i_uptime) as a_uptime,
        coalesce(cast(mean_days as double), i_mean_days) as a_mean_days,
        coalesce(cast(dc_ev_usd as double), i_dc_ev_usd) as a_dc_ev_usd,
        coalesce(cast(own_ev_usd as double), i_own_ev_usd) as a_own_ev_usd,
        coalesce(cast(hashprice_usd as double), i_hashprice_usd) as a_hashprice_usd
    from published

),

-- Outside of these bounds the formula has no meaning, and a figure would still come out.
sound as (

    select
        asked.*,
        case
            when not (
                a_share_pct between 0 and 100 and a_ramp between 1 and 50
                and a_horizon between 1 and 50 and a_discount_pct > -100
                and a_utilisation between 0 and 100 and a_uptime between 0 and 100
                and a_pue >= 1 and a_efficiency > 0 and a_mean_days between 1 and 366
                and a_revenue_usd >= 0 and a_capex_usd >= 0 and a_margin <= 100
                and coalesce(a_hashprice_usd, 0) >= 0
                -- NaN counts as larger than every number.
                and isfinite(
                    a_discount_pct + a_revenue_usd + a_capex_usd + a_margin + a_power_usd
                    + a_dc_ev_usd + a_own_ev_usd + a_efficiency + a_pue
                    + coalesce(a_hashprice_usd, 0)
                )
            )
                then error(
                        'An assumption is out of its bounds: share, utilisation and uptime 0 to 100 '
                        'percent, ramp and horizon 1 to 50 years, discount above -100 and margin at '
                        'most 100 percent, PUE 1 or more, J/TH above 0, mean of 1 to 366 days, no '
                        'negative dollars, and numbers that are finite'
                    )
            else true
        end as is_sound
    from asked

),

-- Days in a row that have a hashprice, up to each of them.
known_days as (

    select
        date_utc,
        hashprice_usd_ph,
        row_number() over (order by date_utc) as day_rank
    from marts.fct_mining_economics
    where hashprice_usd_ph is not null

),

runs as (

    select
        date_utc,
        row_number() over (
            partition by date_utc - cast(day_rank as integer) order by date_utc
        ) as n_days_in_a_row
    from known_days

),

-- A UTC day is over before its day in New York is. Without every day of the span there is no
-- mean; that of the newest session may end with an earlier day, the last that has one.
span as (

    select max(runs.date_utc) as end_date
    from runs
    inner join chosen on true
    inner join sound
        on
            sound.is_sound
            and sound.a_mean_days <= runs.n_days_in_a_row
            and chosen.as_of_date >= runs.date_utc
            and (chosen.is_latest or chosen.as_of_date = runs.date_utc)

),

network as (

    select
        avg(days.hashprice_usd_ph order by days.date_utc) as mean_hashprice_usd_ph,
        any_value(span.end_date) as mean_end_date
    from known_days as days
    inner join span on true
    inner join sound
        on
            span.end_date - cast(sound.a_mean_days as integer) < days.date_utc
            and span.end_date >= days.date_utc

),

-- One megawatt runs 1000 / (J/TH) PH/s; machines that would lose money are switched off.
margins as (

    select
        sound.*,
        coalesce(sound.a_hashprice_usd, network.mean_hashprice_usd_ph) as used_hashprice_usd_ph,
        case
            when sound.a_hashprice_usd is not null then 'assumption'
            when network.mean_end_date < chosen.as_of_date then 'earlier_network_mean'
            when network.mean_end_date is not null then 'network_mean'
        end as used_hashprice_source,
        case when sound.a_hashprice_usd is null then network.mean_end_date end
            as used_hashprice_date,
        greatest(
            0,
            1000.0 / sound.a_efficiency
            * coalesce(sound.a_hashprice_usd, network.mean_hashprice_usd_ph) * 365
            - sound.a_power_usd * 8760
        ) as running_margin_usd
    from sound
    cross join network
    cross join chosen

),

years as (

    select
        margins.*,
        unnest(generate_series(1, cast(a_horizon as bigint))) as year_number
    from margins

),

flows as (

    select
        years.*,
        -- greatest skips NULL: without a hashprice nothing is known of what is given up.
        case when used_hashprice_usd_ph is not null then running_margin_usd * a_uptime / 100 end
            as forgone_usd,
        least(year_number / a_ramp, 1) as operating_mw,
        least(year_number / a_ramp, 1) - least((year_number - 1) / a_ramp, 1) as added_mw
    from years

),

profits as (

    select
        flows.*,
        operating_mw / a_pue * a_revenue_usd * a_utilisation / 100 * a_margin / 100
        - operating_mw * forgone_usd as profit_usd,
        added_mw / a_pue * a_capex_usd as spent_usd
    from flows

),

unit_values as (

    select
        any_value(a_share_pct) / 100 as u_share_converted,
        any_value(a_pue) as u_pue,
        any_value(used_hashprice_usd_ph) as u_hashprice_usd_ph,
        any_value(used_hashprice_source) as u_hashprice_source,
        any_value(used_hashprice_date) as u_hashprice_date,
        any_value(forgone_usd) as u_forgone_usd,
        sum(
            (profit_usd - spent_usd) * power(1 + a_discount_pct / 100, -year_number)
            order by year_number
        ) as u_npv_usd,
        avg(profit_usd order by year_number) as u_profit_usd,
        sum(spent_usd order by year_number) as u_spent_usd,
        any_value(a_dc_ev_usd - a_own_ev_usd) as u_uplift_usd
    from profits

),

valued as (

    select
        miners.scenario_id,
        miners.as_of_date,
        miners.ticker,
        case
            when miners.gross_power_mw is null then 'no_capacity'
            when unit_values.u_npv_usd is null then 'no_hashprice'
            else 'ok'
        end as status,
        miners.gross_power_mw,
        miners.gross_power_basis,
        miners.gross_power_known_date,
        unit_values.u_share_converted as share_converted,
        miners.gross_power_mw * unit_values.u_share_converted as converted_gross_mw,
        miners.gross_power_mw * unit_values.u_share_converted / unit_values.u_pue
            as converted_it_mw,
        unit_values.u_hashprice_usd_ph as hashprice_usd_ph,
        unit_values.u_hashprice_source as hashprice_source,
        unit_values.u_hashprice_date as hashprice_date,
        unit_values.u_forgone_usd as forgone_mining_margin_per_mw_usd,
        unit_values.u_npv_usd as npv_per_mw_usd,
        unit_values.u_profit_usd as mean_yearly_profit_per_mw_usd,
        miners.gross_power_mw * unit_values.u_share_converted * unit_values.u_npv_usd as npv_usd,
        miners.gross_power_mw * unit_values.u_share_converted * unit_values.u_profit_usd
            as mean_yearly_profit_usd,
        miners.gross_power_mw * unit_values.u_share_converted * unit_values.u_spent_usd
            as capex_usd,
        unit_values.u_uplift_usd as multiple_uplift_per_mw_usd,
        miners.gross_power_mw * unit_values.u_share_converted * unit_values.u_uplift_usd
            as multiple_uplift_usd,
        miners.market_cap_usd,
        miners.market_cap_date
    from marts.fct_valuation_scenario as miners
    inner join chosen
        on miners.scenario_id = chosen.scenario_id and miners.as_of_date = chosen.as_of_date
    cross join unit_values

)

select
    valued.*,
    valued.npv_usd / nullif(valued.market_cap_usd, 0) as npv_share_of_market_cap,
    valued.multiple_uplift_usd / nullif(valued.market_cap_usd, 0)
        as multiple_uplift_share_of_market_cap
from valued
order by valued.npv_usd desc nulls last, valued.ticker
