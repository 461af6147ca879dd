-- Tickers that a table uses but the companies table does not know.
with

used as (

    select
        'equity_prices' as table_name,
        ticker
    from {{ ref('stg_equity_prices') }}
    union
    select
        'equity_closes_second_source' as table_name,
        ticker
    from {{ ref('stg_equity_closes_second_source') }}
    union
    select
        'capex_announcements' as table_name,
        ticker
    from {{ ref('stg_capex_announcements') }}
    where ticker is not null
    union
    select
        'company_facts' as table_name,
        ticker
    from {{ ref('stg_company_facts') }}
    union
    select
        'hyperscaler_capex' as table_name,
        ticker
    from {{ ref('stg_hyperscaler_capex') }}
    union
    select
        'search_coverage' as table_name,
        ticker
    from {{ ref('stg_search_coverage') }}
    union
    select
        'market_events' as table_name,
        {{ each_value(parts_of('tickers_named')) }} as ticker
    from {{ ref('stg_market_events') }}

)

select
    used.table_name,
    used.ticker
from used
left join {{ ref('stg_companies') }} as companies
    on used.ticker = companies.ticker
where companies.ticker is null
order by used.table_name, used.ticker
