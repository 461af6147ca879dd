-- Which events are there to pick, the one of the press story first?
-- Example: {}
select
    event_id,
    title,
    t0,
    previous_session,
    news_date,
    news_timing,
    data_status,
    is_headline,
    source_url
from marts.dim_event
order by is_headline desc, t0 desc, event_id
