-- Grain: one row per claim, check and what is measured (firm, fact or group).
with

rules as (

    select * from {{ ref('int_claim_rules') }}

),

sessions as (

    select session_date from {{ ref('dim_session') }}

),

prices as (

    select
        ticker,
        session_date,
        close_usd
    from {{ ref('fct_equity_daily') }}

),

companies as (

    select
        ticker,
        role
    from {{ ref('dim_company') }}

),

exposure as (

    select
        ticker,
        as_of_date,
        hpc_contracted_mw
    from {{ ref('fct_ai_exposure') }}

),

network as (

    select
        date_utc,
        blocks,
        price_usd,
        issued_per_block_btc,
        (issued_per_block_btc * blocks + fees_btc) * price_usd as revenue_usd
    from {{ ref('fct_mining_economics') }}

),

firms_asked as (

    select
        claim_id,
        check_number,
        measure_id,
        event_id,
        {{ each_value(parts_of('tickers')) }} as ticker
    from rules
    where measure_id in ('fall_at_close', 'fall_at_intraday_low')

),

event_falls as (

    select
        asked.claim_id,
        asked.check_number,
        asked.ticker as member,
        -100 * case asked.measure_id
            when 'fall_at_close' then firms.raw_return
            else firms.intraday_low_return
        end as value_number,
        cast(null as varchar) as value_text
    from firms_asked as asked
    left join {{ ref('selloff_summary') }} as firms
        on
            asked.event_id = firms.event_id
            and asked.ticker = firms.ticker

),

event_sessions as (

    select
        rules.claim_id,
        rules.check_number,
        rules.event_id as member,
        cast(null as double) as value_number,
        cast(events.t0 as varchar) as value_text
    from rules
    left join {{ ref('dim_event') }} as events on rules.event_id = events.event_id
    where rules.measure_id = 'event_session'

),

spans as (

    -- Closes are those of the last sessions up to both days.
    select
        rules.claim_id,
        rules.check_number,
        rules.measure_id,
        any_value(rules.role) as role,
        max(sessions.session_date) filter (where sessions.session_date <= rules.first_date)
            as first_session,
        max(sessions.session_date) filter (where sessions.session_date <= rules.last_date)
            as last_session
    from rules
    left join sessions on sessions.session_date <= rules.last_date
    where rules.measure_id in ('mean_return', 'contracted_less_none_return')
    group by rules.claim_id, rules.check_number, rules.measure_id

),

span_returns as (

    select
        spans.claim_id,
        spans.check_number,
        spans.measure_id,
        spans.role as role_asked,
        companies.role,
        exposure.hpc_contracted_mw,
        100 * (last_prices.close_usd / first_prices.close_usd - 1) as return_pct
    from spans
    inner join prices as first_prices on spans.first_session = first_prices.session_date
    inner join prices as last_prices
        on
            spans.last_session = last_prices.session_date
            and first_prices.ticker = last_prices.ticker
    inner join companies on first_prices.ticker = companies.ticker
    left join exposure
        on
            first_prices.ticker = exposure.ticker
            and spans.first_session = exposure.as_of_date

),

mean_returns as (

    select
        spans.claim_id,
        spans.check_number,
        'mean of ' || cast(count(span_returns.return_pct) as varchar) as member,
        avg(span_returns.return_pct) as value_number,
        cast(null as varchar) as value_text
    from spans
    left join span_returns
        on
            spans.claim_id = span_returns.claim_id
            and spans.check_number = span_returns.check_number
            and span_returns.role = span_returns.role_asked
    where spans.measure_id = 'mean_return'
    group by spans.claim_id, spans.check_number

),

exposure_gaps as (

    -- Unknown exposure is in neither group.
    select
        spans.claim_id,
        spans.check_number,
        cast(count(*) filter (where span_returns.hpc_contracted_mw > 0) as varchar)
        || ' with contracts less '
        || cast(count(*) filter (where span_returns.hpc_contracted_mw = 0) as varchar)
        || ' without' as member,
        avg(span_returns.return_pct) filter (where span_returns.hpc_contracted_mw > 0)
        - avg(span_returns.return_pct) filter (where span_returns.hpc_contracted_mw = 0)
            as value_number,
        cast(null as varchar) as value_text
    from spans
    left join span_returns
        on
            spans.claim_id = span_returns.claim_id
            and spans.check_number = span_returns.check_number
    where spans.measure_id = 'contracted_less_none_return'
    group by spans.claim_id, spans.check_number

),

contract_counts as (

    select
        rules.claim_id,
        rules.check_number,
        'miners' as member,
        case
            when count(exposure.ticker) > 0
                then cast(count(*) filter (where exposure.hpc_contracted_mw > 0) as double)
        end as value_number,
        cast(null as varchar) as value_text
    from rules
    left join exposure on rules.last_date = exposure.as_of_date
    where rules.measure_id = 'miners_with_ai_contracts'
    group by rules.claim_id, rules.check_number

),

network_spans as (

    -- A day that is missing could be the one that matters: a sum or a high needs them all.
    select
        rules.claim_id,
        rules.check_number,
        rules.measure_id,
        count(network.price_usd) = max(rules.last_date - rules.first_date) + 1 as has_all_prices,
        count(network.revenue_usd) = max(rules.last_date - rules.first_date) + 1
            as has_all_revenue,
        count(network.issued_per_block_btc) = max(rules.last_date - rules.first_date) + 1
            as has_all_issuance,
        max(network.price_usd) filter (where network.date_utc = rules.first_date)
            as first_price_usd,
        max(network.price_usd) filter (where network.date_utc = rules.last_date)
            as last_price_usd,
        max(network.price_usd) as highest_price_usd,
        sum(network.revenue_usd) as revenue_usd,
        sum(network.issued_per_block_btc * network.blocks) / nullif(sum(network.blocks), 0)
            as subsidy_btc
    from rules
    left join network on network.date_utc between rules.first_date and rules.last_date
    where
        rules.measure_id in (
            'bitcoin_return', 'bitcoin_below_high', 'miner_revenue', 'block_subsidy'
        )
    group by rules.claim_id, rules.check_number, rules.measure_id

),

network_figures as (

    select
        claim_id,
        check_number,
        case
            when measure_id in ('bitcoin_return', 'bitcoin_below_high') then 'bitcoin'
            else 'network'
        end as member,
        case measure_id
            when 'bitcoin_return' then 100 * (last_price_usd / first_price_usd - 1)
            when 'bitcoin_below_high'
                then case when has_all_prices then 100 * (1 - last_price_usd / highest_price_usd) end
            when 'miner_revenue' then case when has_all_revenue then revenue_usd end
            when 'block_subsidy' then case when has_all_issuance then subsidy_btc end
        end as value_number,
        cast(null as varchar) as value_text
    from network_spans

),

eras as (

    -- How often 50 bitcoin were halved to reach what the day's blocks brought.
    select
        date_utc,
        round(ln(50 / issued_per_block_btc) / ln(2)) as era
    from network
    where issued_per_block_btc > 0

),

era_starts as (

    -- Medians of the week before and after: days of bad figures make no halving and hide none.
    select
        date_utc,
        era,
        lag(era) over (order by date_utc) as last_era,
        median(era) over (order by date_utc rows between 7 preceding and 1 preceding)
            as era_before,
        median(era) over (order by date_utc rows between current row and 6 following)
            as era_after
    from eras

),

halvings as (

    select
        era,
        min(date_utc) as halving_date
    from era_starts
    where
        era > last_era
        and era > era_before
        and era = era_after
    group by era

),

halving_figures as (

    select
        rules.claim_id,
        rules.check_number,
        'network' as member,
        case any_value(rules.measure_id)
            when 'halving_year' then cast(extract(year from max(halvings.halving_date)) as double)
            when 'halving_height' then 210000 * max(halvings.era)
        end as value_number,
        case any_value(rules.measure_id)
            when 'halving_date' then cast(max(halvings.halving_date) as varchar)
        end as value_text
    from rules
    left join halvings on rules.last_date >= halvings.halving_date
    where rules.measure_id in ('halving_date', 'halving_year', 'halving_height')
    group by rules.claim_id, rules.check_number

),

market_figures as (

    select * from event_falls
    union all
    select * from event_sessions
    union all
    select * from mean_returns
    union all
    select * from exposure_gaps
    union all
    select * from contract_counts
    union all
    select * from network_figures
    union all
    select * from halving_figures
    union all
    select
        claim_id,
        check_number,
        'not measured' as member,
        cast(null as double) as value_number,
        cast(null as varchar) as value_text
    from rules
    where measure_id = 'none'

),

announcements_asked as (

    select
        claim_id,
        check_number,
        measure_id,
        {{ each_value(parts_of('announcement_ids')) }} as announcement_id
    from rules
    where
        measure_id in (
            'announced_power', 'announced_value', 'announced_value_per_mw_year', 'announced_date'
        )

),

announced_figures as (

    select
        asked.claim_id,
        asked.check_number,
        asked.announcement_id as member,
        case asked.measure_id
            when 'announced_power' then facts.power_mw
            when 'announced_value' then facts.value_usd
            when 'announced_value_per_mw_year' then facts.value_per_mw_year_usd
        end as value_number,
        case
            when asked.measure_id <> 'announced_date' then null
            when facts.date_precision = 'month' then left(cast(facts.announced_on as varchar), 7)
            else cast(facts.announced_on as varchar)
        end as value_text,
        facts.known_date,
        facts.source_name,
        facts.source_url,
        facts.source_quality
    from announcements_asked as asked
    left join {{ ref('fct_capex_announcements') }} as facts
        on asked.announcement_id = facts.announcement_id

),

claims_asked as (

    select
        claim_id,
        check_number,
        measure_id,
        unit,
        {{ each_value(parts_of('cited_claim_ids')) }} as cited_claim_id
    from rules
    where measure_id in ('cited_value', 'cited_date', 'cited_text')

),

cited_figures as (

    select
        asked.claim_id,
        asked.check_number,
        asked.cited_claim_id as member,
        case
            when
                asked.measure_id = 'cited_value'
                and facts.unit = asked.unit
                and facts.value_low = facts.value_high
                then facts.value_low
        end as value_number,
        case asked.measure_id
            when 'cited_text' then facts.claim
            when 'cited_date'
                then
                    left(
                        cast(facts.claim_date as varchar),
                        if(facts.date_precision = 'month', 7, 10)
                    )
        end as value_text,
        -- The ledger dates what a claim speaks of, not when it was printed.
        cast(null as date) as known_date,
        facts.source_name,
        facts.source_url,
        facts.source_quality
    from claims_asked as asked
    left join {{ ref('stg_press_claims') }} as facts
        on asked.cited_claim_id = facts.claim_id

),

capex as (

    select
        ticker,
        fiscal_period,
        period_end_date,
        definition,
        kind,
        capex_usd,
        announced_date,
        source_url,
        source_quality
    from {{ ref('stg_hyperscaler_capex') }}

),

capex_asked as (

    select
        claim_id,
        check_number,
        measure_id,
        {{ each_value(parts_of('tickers')) }} as ticker,
        fiscal_period,
        definition,
        base_fiscal_period,
        base_definition,
        known_by_date
    from rules
    where measure_id in ('capex_period_end', 'capex_growth')

),

period_ends as (

    select
        asked.claim_id,
        asked.check_number,
        asked.ticker || ' ' || asked.fiscal_period
        || coalesce(' by ' || {{ url_host('capex.source_url') }}, '') as member,
        cast(null as double) as value_number,
        cast(max(capex.period_end_date) as varchar) as value_text,
        min(capex.announced_date) as known_date,
        max({{ url_host('capex.source_url') }}) as source_name,
        max(capex.source_url) as source_url,
        {{ quality_grade_name('max(' ~ quality_grade_rank('capex.source_quality') ~ ')') }}
            as source_quality
    from capex_asked as asked
    left join capex
        on
            asked.ticker = capex.ticker
            and asked.fiscal_period = capex.fiscal_period
    where asked.measure_id = 'capex_period_end'
    group by
        asked.claim_id,
        asked.check_number,
        asked.ticker,
        asked.fiscal_period,
        {{ url_host('capex.source_url') }}

),

newest_capex as (

    -- Of each kind the newest statement that was public then; undated ones never count.
    select
        asked.claim_id,
        asked.check_number,
        asked.ticker,
        capex.kind,
        capex.capex_usd,
        capex.announced_date,
        capex.source_url,
        capex.source_quality
    from capex_asked as asked
    inner join capex
        on
            asked.ticker = capex.ticker
            and (asked.known_by_date is null or capex.announced_date <= asked.known_by_date)
            and case
                when capex.kind = 'actual'
                    then
                        asked.base_fiscal_period = capex.fiscal_period
                        and asked.base_definition = capex.definition
                else
                    asked.fiscal_period = capex.fiscal_period
                    and asked.definition = capex.definition
            end
    where
        asked.measure_id = 'capex_growth'
        and capex.announced_date is not null
    qualify
        row_number() over (
            partition by asked.claim_id, asked.check_number, asked.ticker, capex.kind
            order by
                capex.announced_date desc,
                {{ quality_grade_rank('capex.source_quality') }} asc,
                capex.source_url asc
        ) = 1

),

planned_capex as (

    -- A range counts with its middle; a newer kind of guidance replaces an older one.
    select
        claim_id,
        check_number,
        ticker,
        max(case when kind = 'actual' then capex_usd end) as base_usd,
        max(case when kind = 'guidance_point' then capex_usd end) as point_usd,
        max(case when kind = 'guidance_point' then announced_date end) as point_date,
        avg(case when kind in ('guidance_low', 'guidance_high') then capex_usd end) as middle_usd,
        count(*) filter (where kind in ('guidance_low', 'guidance_high')) as n_bounds,
        max(case when kind in ('guidance_low', 'guidance_high') then announced_date end)
            as range_date,
        max(announced_date) as known_date,
        string_agg(distinct source_url, ' ' order by source_url) as source_url,
        max({{ quality_grade_rank('source_quality') }}) as quality_rank
    from newest_capex
    group by claim_id, check_number, ticker

),

capex_growths as (

    select
        asked.claim_id,
        asked.check_number,
        asked.ticker as member,
        100 * (
            case
                when planned.n_bounds = 2 and coalesce(planned.range_date >= planned.point_date, true)
                    then planned.middle_usd
                else planned.point_usd
            end / planned.base_usd - 1
        ) as value_number,
        cast(null as varchar) as value_text,
        planned.known_date,
        {{ url_host('planned.source_url') }} as source_name,
        planned.source_url,
        {{ quality_grade_name('planned.quality_rank') }} as source_quality
    from capex_asked as asked
    left join planned_capex as planned
        on
            asked.claim_id = planned.claim_id
            and asked.check_number = planned.check_number
            and asked.ticker = planned.ticker
    where asked.measure_id = 'capex_growth'

),

fact_figures as (

    select * from announced_figures
    union all
    select * from cited_figures
    union all
    select * from period_ends
    union all
    select * from capex_growths

),

final as (

    select
        claim_id,
        check_number,
        member,
        value_number,
        value_text,
        false as is_fact,
        cast(null as date) as known_date,
        cast(null as varchar) as source_name,
        cast(null as varchar) as source_url,
        cast(null as varchar) as source_quality
    from market_figures
    union all
    select
        claim_id,
        check_number,
        member,
        value_number,
        value_text,
        true as is_fact,
        known_date,
        source_name,
        source_url,
        source_quality
    from fact_figures

)

select * from final
