-- Grain: one row per ticker, session from its first price to its last, and window length.
-- Rows come in the order of the key; to sort them again would take the memory of the whole table.
select
    ticker,
    session_date,
    window_sessions,
    alpha,
    beta_ai,
    beta_btc,
    r2,
    corr_ai_btc,
    idiosyncratic_sd,
    sd_ai,
    sd_btc,
    ai_tilt,
    n_sessions,
    n_basket_firms,
    factor_source,
    is_asynchronous,
    status
from {{ ref('int_rolling_betas') }}
