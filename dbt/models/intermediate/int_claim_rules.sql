-- Grain: one row per claim and check.
with

claims as (

    select * from {{ ref('stg_press_claims') }}

),

checks as (

    select * from {{ ref('stg_study_claim_checks') }}

),

measures as (

    {{ claim_measures() }}

),

factors as (

    {{ claim_unit_factors() }}

),

converted as (

    -- The claim's own figures in the unit of the check; a unit that cannot be converted
    -- leaves them missing, so that nothing is compared with them.
    select
        checks.*,
        claims.claim,
        claims.unit as claimed_unit,
        claims.source_url as claim_source_url,
        {{ url_host('claims.source_url') }} as claim_host,
        {{ source_original('claims.source_name') }} as claim_original,
        case
            when claims.unit = checks.unit then 1.0
            else factors.factor
        end as unit_factor,
        claims.value_low,
        claims.value_high,
        case
            when claims.date_precision = 'month' then left(cast(claims.claim_date as varchar), 7)
            else cast(claims.claim_date as varchar)
        end as claimed_day
    from checks
    inner join claims on checks.claim_id = claims.claim_id
    left join factors
        on
            claims.unit = factors.claimed_unit
            and checks.unit = factors.compared_unit

),

bounded as (

    select
        *,
        coalesce(expected_low, value_low * unit_factor) as lower_bound,
        coalesce(expected_high, value_high * unit_factor) as upper_bound,
        case comparison
            when 'same_date' then coalesce(expected_text, claimed_day)
            else expected_text
        end as expected_words
    from converted

),

phrased as (

    select
        *,
        {{ figure_in_words('lower_bound') }} as lower_in_words,
        {{ figure_in_words('upper_bound') }} as upper_in_words,
        {{ figure_in_words('(lower_bound + upper_bound) / 2') }} as middle_in_words,
        case
            when tolerance > 0 then ', tolerance ' || {{ figure_in_words('tolerance') }}
            else ''
        end as tolerance_in_words,
        -- A year and a block are numbers by themselves.
        case when unit in ('year', 'block') then '' else ' ' || unit end as unit_in_words,
        coalesce(
            ' from ' || cast(first_date as varchar) || ' to ' || cast(last_date as varchar),
            ' up to ' || cast(last_date as varchar),
            ' of ' || fiscal_period || ' over ' || base_fiscal_period,
            ' ' || fiscal_period,
            ''
        ) as asked_in_words
    from bounded

),

named as (

    select
        phrased.claim_id,
        phrased.check_number,
        phrased.measure_id,
        measures.measured_as || phrased.asked_in_words as measured_as,
        measures.mart_name,
        phrased.comparison,
        phrased.decides,
        phrased.is_proxy,
        phrased.event_id,
        phrased.tickers,
        phrased.role,
        phrased.announcement_ids,
        phrased.cited_claim_ids,
        phrased.fiscal_period,
        phrased.definition,
        phrased.base_fiscal_period,
        phrased.base_definition,
        phrased.first_date,
        phrased.last_date,
        phrased.known_by_date,
        phrased.lower_bound,
        phrased.upper_bound,
        phrased.expected_words,
        phrased.tolerance,
        phrased.unit,
        phrased.claim_source_url,
        phrased.claim_host,
        phrased.claim_original,
        case phrased.comparison
            when 'between'
                then phrased.lower_in_words || ' to ' || phrased.upper_in_words
            when 'near' then 'near ' || phrased.middle_in_words
            when 'at_least' then 'at least ' || phrased.lower_in_words
            when 'above' then 'above ' || phrased.lower_in_words
            when 'at_most' then 'at most ' || phrased.upper_in_words
            when 'below' then 'below ' || phrased.upper_in_words
        end || phrased.unit_in_words || phrased.tolerance_in_words as bounds_in_words,
        case phrased.comparison
            when 'same_date' then 'on ' || phrased.expected_words
            when 'mentions'
                then 'mentions ' || regexp_replace(phrased.expected_words, '\s*;\s*', ' or ', 'g')
            when 'mentions_none'
                then
                    'does not mention '
                    || regexp_replace(phrased.expected_words, '\s*;\s*', ' or ', 'g')
        end as words_expected,
        phrased.reason,
        phrased.decided_date
    from phrased
    left join measures on phrased.measure_id = measures.measure_id

),

final as (

    select
        * exclude (bounds_in_words, words_expected),
        coalesce(bounds_in_words, words_expected) as expected_in_words
    from named

)

select * from final
