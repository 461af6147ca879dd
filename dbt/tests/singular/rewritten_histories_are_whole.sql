-- Loads that rewrote a ticker's closes for a split but left older closes as they were.
-- depends_on: {{ ref('stg_equity_prices') }}
-- depends_on: {{ ref('stg_equity_splits') }}
with

{{ rewritten_histories() }},

older as (

    select
        rewritten.new_batch_id,
        rewritten.ticker,
        count(*) as n_sessions_left,
        max(prices.session_date) as last_left_date
    from rewritten
    inner join explained
        on
            rewritten.new_batch_id = explained.new_batch_id
            and rewritten.ticker = explained.ticker
    inner join {{ source('raw', 'equity_prices') }} as prices
        on
            rewritten.ticker = prices.ticker
            and rewritten.first_session_date > prices.session_date
            -- What this load or a later one brought is of the new scale.
            and rewritten.new_batch_id <> prices.batch_id
            and rewritten.revised_at > prices.retrieved_at
    group by rewritten.new_batch_id, rewritten.ticker

)

select
    rewritten.ticker,
    rewritten.close_factor,
    rewritten.first_session_date,
    older.last_left_date,
    older.n_sessions_left,
    rewritten.new_batch_id
from rewritten
inner join older
    on
        rewritten.new_batch_id = older.new_batch_id
        and rewritten.ticker = older.ticker
where older.n_sessions_left > {{ var('quality')['rewritten_histories_are_whole']['threshold'] }}
order by rewritten.revised_at, rewritten.ticker
