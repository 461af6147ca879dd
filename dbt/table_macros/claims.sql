-- Claims of the press story that speak of something, with their verdicts: those that fail first.
-- Without an argument all of them. It looks into the claim, its name and its source.
-- Example: from marts.claims('microsoft')
create macro marts.claims(about := null) as table
with

found as (

    select checks.*
    from marts.fct_claim_checks as checks
    where
        about is null
        or contains(
            lower(concat_ws(' ', checks.claim_id, checks.claim, checks.origin, checks.source_name)),
            lower(cast(about as varchar))
        )

),

chosen as (

    select
        case
            when count(*) = 0
                then error(
                        'No claim speaks of ''' || coalesce(cast(about as varchar), 'NULL')
                        || '''. All of them: from marts.claims()'
                    )
            else count(*)
        end as n_claims
    from found

)

select
    found.verdict,
    found.claim_id,
    found.claim,
    found.claim_date,
    found.reason,
    found.evidence_quality,
    found.rests_on_proxy,
    found.source_url
from found
inner join chosen on chosen.n_claims > 0
order by
    list_position(['fails', 'partly', 'holds', 'not checkable'], found.verdict) asc nulls last,
    found.claim_id asc
