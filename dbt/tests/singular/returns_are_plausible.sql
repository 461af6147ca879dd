-- Closes that move by a factor no trading day explains while the benchmarks are quiet.
select
    ticker,
    session_date,
    previous_close_usd,
    close_usd,
    simple_return
from {{ ref('int_implausible_returns') }}
order by ticker, session_date
