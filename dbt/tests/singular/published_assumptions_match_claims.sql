-- Published assumptions without a source, and those that say something else than the claim of
-- the ledger they name. A folder without claims has nothing to compare with.
select
    scenario_id,
    assumption,
    value,
    origin,
    source_url,
    claim_id,
    claimed_value_low,
    claimed_value_high
from {{ ref('dim_scenario_assumption') }}
where
    (origin = 'published' and (source_url is null or source_quality is null))
    or value not between claimed_value_low and claimed_value_high
    or (
        claim_id is not null
        and claimed_value_low is null
        and exists (select 1 from {{ ref('stg_press_claims') }})
    )
order by scenario_id, assumption
