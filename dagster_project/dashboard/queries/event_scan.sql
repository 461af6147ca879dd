-- Does the day stand out when every session is judged without being told where the news is?
-- Example: {"event": "msft-2gw-mar"}
select
    scan.scan_id,
    scan.session_date,
    scan.group_id,
    scan.abnormal_return,
    scan.p_two_sided,
    scan.rank_negative,
    scan.n_comparable,
    scan.expected_false_finds,
    scan.q_bh,
    scan.status,
    scan.verdict
from marts.fct_abnormal_days as scan
inner join marts.dim_event as event on scan.session_date = event.t0
where event.event_id = $event
order by scan.scan_id
