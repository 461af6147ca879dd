-- What was measured for a claim, and compared with what?
-- Example: {"claim": "halving-this-year"}
select
    check_number,
    member,
    decides,
    measured_as,
    value_number,
    value_text,
    unit,
    expected_in_words,
    result,
    status,
    is_proxy,
    fact_known_date,
    fact_url,
    fact_source_quality,
    deciding_model,
    reason
from marts.fct_claim_evidence
where claim_id = $claim
order by check_number, member
