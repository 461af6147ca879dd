-- Grain: one row per session of the New York Stock Exchange.
select
    session_date,
    session_number,
    previous_session,
    opens_at,
    closes_at,
    is_early_close
from {{ ref('int_sessions') }}
order by session_date
