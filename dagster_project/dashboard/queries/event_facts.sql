-- When was the news, on which session is it priced, and what did bitcoin and the market do then?
-- Example: {"event": "msft-2gw-mar"}
select
    event.event_id,
    event.title,
    event.news_date,
    event.news_timing,
    event.t0,
    event.previous_session,
    event.data_status,
    event.date_rule,
    event.source_url,
    event.note,
    any_value(summary.market_ticker) as market_ticker,
    any_value(summary.market_return) as market_return,
    any_value(summary.btc_return) as btc_return,
    any_value(summary.btc_factor_source) as btc_factor_source
from marts.dim_event as event
left join marts.selloff_summary as summary on event.event_id = summary.event_id
where event.event_id = $event
group by all
