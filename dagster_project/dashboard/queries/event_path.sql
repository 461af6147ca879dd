-- How did the group move around the event, beside bitcoin and the market, and how wide is chance?
-- Example: {"event": "msft-2gw-mar", "group": "focal", "model": "market_model"}
select
    rel_day,
    session_date,
    n_firms,
    ar,
    raw_return_running,
    market_ticker,
    market_return_running,
    btc_return_running,
    is_btc_asynchronous,
    car_running,
    car_sd_running,
    car_running_low,
    car_running_high,
    status
from marts.fct_selloff_path
where event_id = $event and group_id = $group and model_id = $model
order by rel_day
