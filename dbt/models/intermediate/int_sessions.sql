-- Grain: one row per session of the exchange calendar.
with

sessions as (

    select * from {{ ref('stg_exchange_sessions') }}

),

numbered as (

    -- Consecutive numbers turn "the session before" and "n sessions apart" into arithmetic.
    select
        session_date,
        row_number() over (order by session_date) as session_number,
        lag(session_date) over (order by session_date) as previous_session,
        opens_at,
        closes_at,
        is_early_close
    from sessions

)

select * from numbered
