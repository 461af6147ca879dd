-- Events whose session in the ledger is not the first whose close is after the news.
select
    event_id,
    news_date,
    news_timing,
    stated_t0,
    t0,
    date_rule,
    note
from {{ ref('dim_event') }}
where
    stated_t0 is not null
    and stated_t0 is distinct from t0
order by news_date, event_id
