-- Grain: one row per claim and check that measures something.
-- A query against the published marts that returns what the check measured, for a reader who
-- wants to see it for himself; a test runs every one. Columns: member, value_number, value_text.
with

rules as (

    select * from {{ ref('int_claim_rules') }}

),

literals as (

    select
        claim_id,
        check_number,
        measure_id,
        {{ as_sql_list('tickers') }} as tickers,
        {{ as_sql_list('announcement_ids') }} as announcement_ids,
        {{ as_sql_list('cited_claim_ids') }} as cited_claim_ids,
        {{ as_sql_text('event_id') }} as event_id,
        {{ as_sql_text('role') }} as role,
        {{ as_sql_text('unit') }} as unit,
        {{ as_sql_text('fiscal_period') }} as fiscal_period,
        {{ as_sql_text('definition') }} as definition,
        {{ as_sql_text('base_fiscal_period') }} as base_fiscal_period,
        {{ as_sql_text('base_definition') }} as base_definition,
        'date ' || {{ as_sql_text('first_date') }} as first_date,
        'date ' || {{ as_sql_text('last_date') }} as last_date,
        cast(last_date - first_date + 1 as varchar) as n_days,
        coalesce(' and announced_on <= date ' || {{ as_sql_text('known_by_date') }}, '') as known_by
    from rules

),

pieces as (

    -- Parts that several queries share.
    select
        *,
        'from marts.fct_equity_daily as first_day'
        || ' inner join marts.fct_equity_daily as last_day on first_day.ticker = last_day.ticker'
            as from_two_days,
        'first_day.session_date = (select max(session_date) from marts.dim_session'
        || ' where session_date <= ' || first_date || ')'
        || ' and last_day.session_date = (select max(session_date) from marts.dim_session'
        || ' where session_date <= ' || last_date || ')' as on_two_days,
        'from marts.fct_mining_economics where date_utc between ' || first_date || ' and ' || last_date
            as from_network,
        'from (select era, min(date_utc) as halving_date from (select date_utc, era,'
        || ' lag(era) over (order by date_utc) as last_era,'
        || ' median(era) over (order by date_utc rows between 7 preceding and 1 preceding)'
        || ' as era_before,'
        || ' median(era) over (order by date_utc rows between current row and 6 following)'
        || ' as era_after'
        || ' from (select date_utc, round(ln(50 / issued_per_block_btc) / ln(2)) as era'
        || ' from marts.fct_mining_economics where issued_per_block_btc > 0) as days) as eras'
        || ' where era > last_era and era > era_before and era = era_after group by era) as halvings'
        || ' where halving_date <= ' || last_date as from_halvings
    from literals

),

numbers as (

    select
        claim_id,
        check_number,
        case measure_id
            when 'fall_at_close'
                then 'select ticker as member, -100 * raw_return as value_number'
                    || ' from marts.selloff_summary where event_id = ' || event_id
                    || ' and ticker in ' || tickers
            when 'fall_at_intraday_low'
                then 'select ticker as member, -100 * intraday_low_return as value_number'
                    || ' from marts.selloff_summary where event_id = ' || event_id
                    || ' and ticker in ' || tickers
            when 'mean_return'
                then 'select ''mean of '' || count(*) as member,'
                    || ' avg(100 * (last_day.close_usd / first_day.close_usd - 1)) as value_number '
                    || from_two_days
                    || ' inner join marts.dim_company as company on first_day.ticker = company.ticker'
                    || ' where company.role = ' || role || ' and ' || on_two_days
            when 'contracted_less_none_return'
                then 'select count(*) filter (where mw > 0) || '' with contracts less '''
                    || ' || count(*) filter (where mw = 0) || '' without'' as member,'
                    || ' avg(change) filter (where mw > 0) - avg(change) filter (where mw = 0)'
                    || ' as value_number from (select exposure.hpc_contracted_mw as mw,'
                    || ' 100 * (last_day.close_usd / first_day.close_usd - 1) as change '
                    || from_two_days
                    || ' inner join marts.fct_ai_exposure as exposure'
                    || ' on first_day.ticker = exposure.ticker'
                    || ' and first_day.session_date = exposure.as_of_date'
                    || ' where ' || on_two_days || ') as firms'
            when 'miners_with_ai_contracts'
                then 'select ''miners'' as member,'
                    || ' count(*) filter (where hpc_contracted_mw > 0) as value_number'
                    || ' from marts.fct_ai_exposure where as_of_date = ' || last_date
                    || ' having count(*) > 0'
            when 'bitcoin_return'
                then 'select ''bitcoin'' as member, 100 * (max(price_usd) filter (where date_utc = '
                    || last_date || ') / max(price_usd) filter (where date_utc = ' || first_date
                    || ') - 1) as value_number ' || from_network
            when 'bitcoin_below_high'
                then 'select ''bitcoin'' as member,'
                    || ' 100 * (1 - max(price_usd) filter (where date_utc = ' || last_date
                    || ') / max(price_usd)) as value_number ' || from_network
                    || ' having count(price_usd) = ' || n_days
            when 'miner_revenue'
                then 'select ''network'' as member,'
                    || ' sum((issued_per_block_btc * blocks + fees_btc) * price_usd) as value_number '
                    || from_network
                    || ' having count((issued_per_block_btc + fees_btc) * price_usd) = ' || n_days
            when 'block_subsidy'
                then 'select ''network'' as member,'
                    || ' sum(issued_per_block_btc * blocks) / sum(blocks) as value_number '
                    || from_network || ' having count(issued_per_block_btc) = ' || n_days
            when 'halving_year'
                then 'select ''network'' as member, extract(year from max(halving_date)) as value_number '
                    || from_halvings
            when 'halving_height'
                then 'select ''network'' as member, 210000 * max(era) as value_number '
                    || from_halvings
            when 'announced_power'
                then 'select announcement_id as member, power_mw as value_number'
                    || ' from marts.fct_capex_announcements where announcement_id in '
                    || announcement_ids
            when 'announced_value'
                then 'select announcement_id as member, value_usd as value_number'
                    || ' from marts.fct_capex_announcements where announcement_id in '
                    || announcement_ids
            when 'announced_value_per_mw_year'
                then 'select announcement_id as member, value_per_mw_year_usd as value_number'
                    || ' from marts.fct_capex_announcements where announcement_id in '
                    || announcement_ids
            when 'capex_growth'
                then 'select ticker as member, 100 * (max_by(guidance_central_usd, announced_on)'
                    || ' filter (where fiscal_period = ' || fiscal_period
                    || ' and list_contains(string_split(definitions, ''; ''), ' || definition
                    || ')) / max_by(actual_usd, announced_on)'
                    || ' filter (where fiscal_period = ' || base_fiscal_period
                    || ' and list_contains(string_split(definitions, ''; ''), ' || base_definition
                    || ')) - 1) as value_number from marts.fct_hyperscaler_capex'
                    || ' where is_point_in_time' || known_by || ' and ticker in ' || tickers
                    || ' group by ticker'
            when 'cited_value'
                then 'select claim_id as member, claimed_low as value_number'
                    || ' from marts.fct_claim_checks where claimed_low = claimed_high'
                    || ' and claimed_unit = ' || unit || ' and claim_id in ' || cited_claim_ids
        end as query
    from pieces

),

texts as (

    select
        claim_id,
        check_number,
        case measure_id
            when 'event_session'
                then 'select event_id as member, cast(t0 as varchar) as value_text'
                    || ' from marts.dim_event where event_id = ' || event_id
            when 'halving_date'
                then 'select ''network'' as member, cast(max(halving_date) as varchar) as value_text '
                    || from_halvings
            when 'capex_period_end'
                then 'select ticker || '' '' || fiscal_period || '' by '''
                    || ' || lower(regexp_extract(url, ''^https?://(?:www\.)?([^/:?#]+)'', 1)) as member,'
                    || ' cast(max(period_end_date) as varchar) as value_text'
                    || ' from (select *, unnest(string_split(source_urls, '' '')) as url'
                    || ' from marts.fct_hyperscaler_capex where ticker in ' || tickers
                    || ' and fiscal_period = ' || fiscal_period || ') as statements group by member'
            when 'announced_date'
                then 'select announcement_id as member, left(cast(announced_on as varchar),'
                    || ' case date_precision when ''month'' then 7 else 10 end) as value_text'
                    || ' from marts.fct_capex_announcements where announcement_id in '
                    || announcement_ids
            when 'cited_date'
                then 'select claim_id as member, left(cast(claim_date as varchar),'
                    || ' case date_precision when ''month'' then 7 else 10 end) as value_text'
                    || ' from marts.fct_claim_checks where claim_id in ' || cited_claim_ids
            when 'cited_text'
                then 'select claim_id as member, claim as value_text'
                    || ' from marts.fct_claim_checks where claim_id in ' || cited_claim_ids
        end as query
    from pieces

),

final as (

    select
        claim_id,
        check_number,
        'select member, cast(value_number as double) as value_number,'
        || ' cast(null as varchar) as value_text from (' || query || ') as measured' as query
    from numbers
    where query is not null
    union all
    select
        claim_id,
        check_number,
        'select member, cast(null as double) as value_number, value_text from (' || query
        || ') as measured' as query
    from texts
    where query is not null

)

select * from final
