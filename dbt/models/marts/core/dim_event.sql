-- Grain: one row per event.
select
    event_id,
    title,
    event_type,
    tier,
    news_date,
    news_timing,
    t0,
    date_rule,
    previous_session,
    stated_t0,
    data_status,
    tickers_named,
    groups_named,
    source_url,
    note,
    is_headline
from {{ ref('int_events') }}
order by event_id
