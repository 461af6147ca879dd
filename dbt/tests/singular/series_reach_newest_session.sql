-- Series that end before the newest session for which the data hold a price.
{%- set rule = var('quality')['series_reach_newest_session'] %}
with

series as (

    select
        'equity_prices' as table_name,
        ticker as series_name,
        max(session_date) as last_date
    from {{ ref('stg_equity_prices') }}
    group by ticker
    union all
    select
        'equity_closes_second_source' as table_name,
        'all' as series_name,
        max(session_date) as last_date
    from {{ ref('stg_equity_closes_second_source') }}
    union all
    select
        'btc_prices' as table_name,
        'all' as series_name,
        max(date_utc) as last_date
    from {{ ref('stg_btc_prices') }}
    union all
    select
        'btc_prices_second_source' as table_name,
        'all' as series_name,
        max(date_utc) as last_date
    from {{ ref('stg_btc_prices_second_source') }}
    union all
    select
        'btc_hourly_prices' as table_name,
        'all' as series_name,
        max(date_utc) as last_date
    from {{ ref('stg_btc_hourly_prices') }}
    union all
    select
        'network_metrics' as table_name,
        'all' as series_name,
        max(date_utc) as last_date
    from {{ ref('stg_network_metrics') }}
    union all
    select
        'network_metrics_second_source' as table_name,
        source as series_name,
        max(date_utc) as last_date
    from {{ ref('stg_network_metrics_second_source') }}
    group by source

),

newest as (

    select max(session_date) as newest_session_date
    from {{ ref('stg_equity_prices') }}

)

-- Only sessions count: weekends and holidays make no series late.
select
    series.table_name,
    series.series_name,
    series.last_date,
    newest.newest_session_date,
    count(*) as n_sessions_behind
from series
cross join newest
inner join {{ ref('stg_exchange_sessions') }} as sessions
    on
        series.last_date < sessions.session_date
        and newest.newest_session_date >= sessions.session_date
group by series.table_name, series.series_name, series.last_date, newest.newest_session_date
having count(*) > {{ rule['threshold'] }}
order by series.table_name, series.series_name
