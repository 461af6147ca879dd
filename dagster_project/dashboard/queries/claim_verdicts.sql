-- How many claims hold, hold in part, fail, and cannot be checked?
-- Example: {}
-- n_claims: Number of claims with that verdict.
select
    verdict,
    count(*) as n_claims
from marts.fct_claim_checks
group by verdict
order by array_position(['holds', 'partly', 'fails', 'not checkable'], verdict)
