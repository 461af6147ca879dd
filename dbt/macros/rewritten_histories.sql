{#
  CTEs on how loads rewrote price histories, from ingest.revisions: `rewritten` has one row per load
  and ticker of which many closes changed by one and the same factor (old over new), `explained`
  the batch and ticker of those for which a split, or several in a row, has that ratio and took
  effect after the last of these sessions.
#}
{% macro rewritten_histories() %}
    {%- set near = var('quality')['revisions_by_a_factor_are_splits']['threshold'] %}
    {%- set least_factor = var('quality')['least_split_factor']['threshold'] %}
    {%- set least_sessions = var('quality')['least_rewritten_sessions']['threshold'] %}
revised as (

    select
        new_batch_id,
        revised_at,
        action,
        {{ json_text('old_row', 'ticker') }} as ticker,
        cast({{ json_text('old_row', 'session_date') }} as date) as session_date,
        cast({{ json_text('old_row', 'close') }} as double) as old_close_usd
    from {{ loads_database() }}ingest.revisions
    where table_name = 'equity_prices'

),

chained as (

    -- What replaced a value is the old value of the next revision, or what is stored now.
    select
        *,
        lead(old_close_usd) over (
            partition by ticker, session_date order by revised_at, new_batch_id
        ) as next_close_usd
    from revised

),

factors as (

    select
        chained.new_batch_id,
        chained.revised_at,
        chained.ticker,
        chained.session_date,
        chained.old_close_usd
        / nullif(coalesce(chained.next_close_usd, stored.close_usd), 0) as close_factor
    from chained
    left join {{ ref('stg_equity_prices') }} as stored
        on chained.ticker = stored.ticker and chained.session_date = stored.session_date
    where chained.action = 'replaced'

),

centred as (

    select
        *,
        median(close_factor) over (partition by new_batch_id, ticker) as usual_factor
    from factors
    where close_factor > 0

),

rewritten as (

    -- Rounded prices of a few cents move the ratio by more than the split's own digits do.
    select
        new_batch_id,
        ticker,
        min(revised_at) as revised_at,
        count(*) as n_sessions,
        min(session_date) as first_session_date,
        max(session_date) as last_session_date,
        any_value(usual_factor) as close_factor
    from centred
    where abs(ln(close_factor / usual_factor)) <= {{ near }}
    group by new_batch_id, ticker
    having
        count(*) >= {{ least_sessions }}
        and abs(ln(any_value(usual_factor))) >= ln({{ least_factor }})

),

split_spans as (

    -- One split, or several that follow each other: a history may be rewritten for all at once.
    select
        newer.ticker,
        newer.ex_date,
        min(older.ex_date) as first_ex_date,
        sum(ln(older.split_ratio)) as log_ratio
    from {{ ref('stg_equity_splits') }} as newer
    inner join {{ ref('stg_equity_splits') }} as start_of_span
        on newer.ticker = start_of_span.ticker and start_of_span.ex_date <= newer.ex_date
    inner join {{ ref('stg_equity_splits') }} as older
        on
            newer.ticker = older.ticker
            and older.ex_date between start_of_span.ex_date and newer.ex_date
    group by newer.ticker, newer.ex_date, start_of_span.ex_date

),

explained as (

    -- A split rewrites what was traded before it and nothing after.
    select distinct
        rewritten.new_batch_id,
        rewritten.ticker
    from rewritten
    inner join split_spans
        on
            rewritten.ticker = split_spans.ticker
            and rewritten.last_session_date < split_spans.first_ex_date
            and abs(ln(rewritten.close_factor) - split_spans.log_ratio) <= {{ near }}

)
{% endmacro %}
