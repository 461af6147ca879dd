-- What did the story claim, and what do the figures say?
-- Example: {"verdict": "all"}
select
    claim_id,
    claim,
    claim_date,
    verdict,
    reason,
    claimed_low,
    claimed_high,
    claimed_text,
    claimed_unit,
    computed_low,
    computed_high,
    computed_text,
    computed_unit,
    n_checks,
    n_checks_hold,
    n_checks_partly,
    n_checks_fail,
    n_checks_unknown,
    evidence_quality,
    deciding_query,
    source_name,
    source_url,
    source_quality
from marts.fct_claim_checks
where $verdict = 'all' or verdict = $verdict
order by
    array_position(['fails', 'partly', 'holds', 'not checkable'], verdict),
    claim_date desc nulls last,
    claim_id
