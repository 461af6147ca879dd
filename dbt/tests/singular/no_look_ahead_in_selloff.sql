-- Event rows that explain themselves with what was not known at the previous close: the
-- exposure must be the one of the session before, and public before the event session opens.
select
    summary.event_id,
    summary.ticker,
    summary.t0,
    summary.previous_session,
    summary.hpc_contracted_mw,
    exposure.hpc_contracted_mw as known_hpc_contracted_mw,
    exposure.known_at,
    sessions.opens_at
from {{ ref('selloff_summary') }} as summary
left join {{ ref('dim_session') }} as sessions
    on summary.t0 = sessions.session_date
left join {{ ref('fct_ai_exposure') }} as exposure
    on
        summary.ticker = exposure.ticker
        and sessions.previous_session = exposure.as_of_date
where
    summary.previous_session is distinct from sessions.previous_session
    or summary.hpc_contracted_mw is distinct from exposure.hpc_contracted_mw
    or summary.hpc_contracted_basis is distinct from exposure.hpc_contracted_basis
    or summary.hpc_mw_share is distinct from exposure.hpc_mw_share
    or exposure.known_at >= sessions.opens_at
order by summary.event_id, summary.ticker
