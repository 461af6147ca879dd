-- Grain: one row per miner and span of days between two changes of what is known of it.
with

miners as (

    select ticker
    from {{ ref('stg_companies') }}
    where role = 'miner'

),

facts as (

    select
        ticker,
        known_date
    from {{ ref('stg_company_facts') }}
    where
        known_date is not null
        and metric in (
            'capex_usd',
            'contracted_hpc_mw',
            'hpc_revenue_usd',
            'market_cap_usd',
            'net_debt_usd',
            'operational_hpc_mw',
            'shares_outstanding',
            'total_power_capacity_mw',
            'total_revenue_usd'
        )

),

-- Days on which figures were filed with the SEC.
filings as (

    select
        ticker,
        known_date
    from {{ ref('int_quarterly_financials') }}

),

-- A part of a contract counts from the day it is known to the day before it ends.
contracts as (

    select
        ticker,
        known_date
    from {{ ref('int_hpc_contract_parts') }}
    where known_date is not null
    union
    select
        ticker,
        ended_date as known_date
    from {{ ref('int_hpc_contract_parts') }}
    where
        known_date is not null
        and ended_date is not null

),

spending as (

    select
        ticker,
        known_date
    from {{ ref('int_capex_announcements') }}
    where
        announces_own_capex
        and known_date is not null

),

prices as (

    select
        min(session_date) as first_date,
        max(session_date) as last_date
    from {{ ref('stg_equity_prices') }}

),

last_dates as (

    select last_date from prices
    union all
    select max(news_date) as last_date from {{ ref('stg_market_events') }}
    union all
    select max(known_date) as last_date from facts
    union all
    select max(known_date) as last_date from contracts
    union all
    select max(known_date) as last_date from spending

),

calendar_end as (

    select max(session_date) as last_session_date
    from {{ ref('stg_exchange_sessions') }}

),

-- A slip of the keyboard in one year must not add centuries of rows: the exchange
-- calendar bounds the panel.
panel as (

    select
        prices.first_date,
        greatest(
            prices.last_date,
            least((select max(last_dates.last_date) from last_dates), calendar_end.last_session_date)
        ) as last_date
    from prices
    cross join calendar_end

),

change_dates as (

    select
        miners.ticker,
        panel.first_date as change_date
    from miners
    cross join panel
    union
    select
        ticker,
        known_date as change_date
    from facts
    union
    select
        ticker,
        known_date as change_date
    from filings
    union
    select
        ticker,
        known_date as change_date
    from contracts
    union
    select
        ticker,
        known_date as change_date
    from spending
    union
    -- What a search did not find counts as zero up to the day it reached.
    select
        ticker,
        searched_to_date + 1 as change_date
    from {{ ref('stg_search_coverage') }}
    where metric = 'contracted_hpc_mw'

),

spans as (

    select
        change_dates.ticker,
        change_dates.change_date as valid_from_date,
        coalesce(
            lead(change_dates.change_date) over (
                partition by change_dates.ticker
                order by change_dates.change_date
            ) - 1,
            panel.last_date
        ) as valid_to_date
    from change_dates
    inner join miners
        on change_dates.ticker = miners.ticker
    cross join panel
    where change_dates.change_date between panel.first_date and panel.last_date

),

-- One number to join on instead of ticker and day.
numbered as (

    select
        row_number() over (order by ticker, valid_from_date) as span_number,
        ticker,
        valid_from_date,
        valid_to_date
    from spans

)

select * from numbered
