-- Grain: one row per event, ticker, model and factor number of the models that estimate slopes.
select
    event_id,
    ticker,
    model_id,
    factor_number,
    factor,
    factor_source,
    is_asynchronous,
    beta,
    status
from {{ ref('int_event_betas') }}
order by event_id, ticker, model_id, factor_number
