-- Loads that changed many closes of a ticker by one and the same factor without a split to explain it.
-- depends_on: {{ ref('stg_equity_prices') }}
-- depends_on: {{ ref('stg_equity_splits') }}
with

{{ rewritten_histories() }}

select
    rewritten.ticker,
    rewritten.close_factor,
    rewritten.n_sessions,
    rewritten.first_session_date,
    rewritten.last_session_date,
    rewritten.revised_at,
    rewritten.new_batch_id
from rewritten
left join explained
    on
        rewritten.new_batch_id = explained.new_batch_id
        and rewritten.ticker = explained.ticker
where explained.ticker is null
order by rewritten.revised_at, rewritten.ticker
