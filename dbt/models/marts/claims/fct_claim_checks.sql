-- Grain: one row per claim.
with

claims as (

    select * from {{ ref('stg_press_claims') }}

),

evidence as (

    select
        *,
        -- A fact of the claim's own source, or one not yet public, says nothing either way.
        status not in ('same_source', 'not_known_yet') as counts,
        {{ figure_in_words('value_number') }} as number_in_words,
        case when measure_id <> 'cited_text' then value_text end as text_in_words
    from {{ ref('fct_claim_evidence') }}

),

spoken as (

    select
        *,
        member || coalesce(' ' || number_in_words, ' ' || text_in_words, '') as found_in_words,
        member || ' (' || replace(status, '_', ' ') || ')' as status_in_words
    from evidence

),

checks as (

    select
        claim_id,
        check_number,
        any_value(decides) as decides,
        any_value(is_proxy) as is_proxy,
        any_value(measure_id) as measure_id,
        any_value(measured_as) as measured_as,
        any_value(comparison) as comparison,
        any_value(tolerance) as tolerance,
        any_value(unit) as unit,
        any_value(expected_in_words) as expected_in_words,
        any_value(reason) as reason,
        any_value(decided_date) as decided_date,
        any_value(known_by_date) as known_by_date,
        any_value(deciding_model) as deciding_model,
        any_value(deciding_query) as deciding_query,
        count(*) as n_members,
        count(*) filter (where counts) as n_counted,
        count(*) filter (where result = 'holds') as n_hold,
        count(*) filter (where result = 'fails') as n_fail,
        min(value_number) filter (where counts) as computed_low,
        max(value_number) filter (where counts) as computed_high,
        string_agg(distinct value_text, '; ' order by value_text) filter (where counts)
            as computed_text,
        string_agg(found_in_words, ', ' order by member) as members_in_words,
        string_agg(found_in_words, ', ' order by member) filter (where result = 'fails')
            as failing_in_words,
        string_agg(status_in_words, ', ' order by member) filter (where counts and result = 'unknown')
            as unknown_in_words,
        string_agg(status_in_words, ', ' order by member) filter (where not counts)
            as not_counted_in_words
    from spoken
    group by claim_id, check_number

),

judged as (

    -- What is not known neither confirms nor refutes.
    select
        *,
        case
            when n_counted > 0 and n_hold = n_counted then 'holds'
            when n_counted > 0 and n_fail = n_counted then 'fails'
            when n_hold > 0 then 'partly'
            else 'unknown'
        end as check_result
    from checks

),

phrased as (

    select
        *,
        measured_as || ' '
        || case
            when measure_id = 'none' then '(' || reason || ')'
            when n_members = 1
                then
                    '(' || expected_in_words || '): ' || members_in_words || ', '
                    || case check_result
                        when 'unknown'
                            then
                                'which cannot tell: '
                                || coalesce(unknown_in_words, not_counted_in_words)
                        else check_result
                    end
            else
                '(' || expected_in_words || '): holds for ' || cast(n_hold as varchar) || ' of '
                || cast(n_counted as varchar)
                || coalesce(', not for ' || failing_in_words, '')
                || coalesce(', unknown for ' || unknown_in_words, '')
                || coalesce(', not counted ' || not_counted_in_words, '')
        end as sentence
    from judged

),

verdicts as (

    select
        claim_id,
        count(*) filter (where decides) as n_checks,
        count(*) filter (where decides and check_result = 'holds') as n_checks_hold,
        count(*) filter (where decides and check_result = 'partly') as n_checks_partly,
        count(*) filter (where decides and check_result = 'fails') as n_checks_fail,
        count(*) filter (where decides and check_result = 'unknown') as n_checks_unknown,
        coalesce(bool_or(is_proxy) filter (where decides), false) as rests_on_proxy,
        string_agg(sentence, '; ' order by check_number) filter (where decides) as decided_by,
        string_agg(sentence, '; ' order by check_number) filter (where not decides) as shown_beside,
        string_agg(distinct deciding_model, ', ' order by deciding_model) filter (where decides)
            as deciding_model,
        string_agg(
            'select ' || cast(check_number as varchar)
            || ' as check_number, member, value_number, value_text from (' || deciding_query
            || ') as checked',
            ' union all ' order by check_number
        ) as deciding_query,
        max(decided_date) as decided_date,
        min(known_by_date) filter (where decides) as known_by_date,
        min(check_number) filter (where decides and measure_id <> 'none') as shown_check
    from phrased
    group by claim_id

),

sources as (

    select
        claim_id,
        string_agg(distinct fact_url, ' ' order by fact_url) filter (where counts and decides)
            as evidence_urls,
        count(
            distinct case when counts and decides and is_independent then {{ url_host('fact_url') }} end
        ) as n_independent_sources,
        max({{ quality_grade_rank('fact_source_quality') }}) filter (where counts and decides)
            as weakest_rank
    from evidence
    group by claim_id

),

joined as (

    select
        claims.*,
        coalesce(verdicts.n_checks, 0) as n_checks,
        coalesce(verdicts.n_checks_hold, 0) as n_checks_hold,
        coalesce(verdicts.n_checks_partly, 0) as n_checks_partly,
        coalesce(verdicts.n_checks_fail, 0) as n_checks_fail,
        coalesce(verdicts.n_checks_unknown, 0) as n_checks_unknown,
        coalesce(verdicts.rests_on_proxy, false) as rests_on_proxy,
        case
            when coalesce(verdicts.n_checks, 0) = 0 then 'not checkable'
            when verdicts.n_checks_hold = verdicts.n_checks and not verdicts.rests_on_proxy then 'holds'
            when verdicts.n_checks_fail = verdicts.n_checks then 'fails'
            when verdicts.n_checks_hold + verdicts.n_checks_partly > 0 then 'partly'
            else 'not checkable'
        end as verdict,
        verdicts.decided_by,
        verdicts.shown_beside,
        verdicts.deciding_model,
        case
            when verdicts.deciding_query is not null
                then verdicts.deciding_query || ' order by check_number, member'
        end as deciding_query,
        verdicts.decided_date,
        verdicts.known_by_date,
        shown.measure_id,
        shown.comparison,
        shown.tolerance,
        shown.unit as computed_unit,
        shown.computed_low,
        shown.computed_high,
        shown.computed_text,
        sources.evidence_urls,
        coalesce(sources.n_independent_sources, 0) as n_independent_sources,
        {{ quality_grade_name('sources.weakest_rank') }} as evidence_quality
    from claims
    left join verdicts on claims.claim_id = verdicts.claim_id
    left join judged as shown
        on
            verdicts.claim_id = shown.claim_id
            and verdicts.shown_check = shown.check_number
    left join sources on claims.claim_id = sources.claim_id

),

final as (

    select
        claim_id,
        claim,
        claim_date,
        date_precision,
        origin,
        value_low as claimed_low,
        value_high as claimed_high,
        value_text as claimed_text,
        unit as claimed_unit,
        verdict,
        upper(left(verdict, 1)) || substr(verdict, 2) || ': '
        || coalesce(decided_by, 'no rule says how to check this claim')
        || case when rests_on_proxy then '; the nearest figure there is, not the claimed one' else '' end
        || coalesce('. Beside: ' || shown_beside, '') || '.' as reason,
        measure_id,
        comparison,
        computed_low,
        computed_high,
        computed_text,
        computed_unit,
        tolerance,
        n_checks,
        n_checks_hold,
        n_checks_partly,
        n_checks_fail,
        n_checks_unknown,
        rests_on_proxy,
        known_by_date,
        deciding_model,
        deciding_query,
        evidence_urls,
        n_independent_sources,
        evidence_quality,
        source_name,
        source_url,
        source_quality,
        source_note,
        decided_date
    from joined

)

select * from final
order by claim_id asc
