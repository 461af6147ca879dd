-- Grain: one row per claim, check and what is measured (firm, fact or group).
with

rules as (

    select * from {{ ref('int_claim_rules') }}

),

measures as (

    select
        *,
        {{ url_host('source_url') }} as source_host,
        {{ source_original('source_name') }} as source_original
    from {{ ref('int_claim_measures') }}

),

queries as (

    select * from {{ ref('int_claim_queries') }}

),

joined as (

    select
        rules.*,
        measures.member,
        measures.value_number,
        measures.value_text,
        measures.is_fact,
        measures.known_date,
        measures.source_url,
        measures.source_quality,
        queries.query as deciding_query,
        -- Another page and another original: a copy of the claim cannot confirm it.
        measures.is_fact
        and measures.source_host <> rules.claim_host
        and measures.source_original <> rules.claim_original as is_other_source,
        {{ mentions_any('measures.value_text', 'rules.expected_words') }} as does_mention
    from rules
    inner join measures
        on
            rules.claim_id = measures.claim_id
            and rules.check_number = measures.check_number
    left join queries
        on
            rules.claim_id = queries.claim_id
            and rules.check_number = queries.check_number

),

weighed as (

    select
        *,
        case
            when comparison = 'none' then 'not_measured'
            when value_number is null and value_text is null then 'no_data'
            when
                is_fact
                and not coalesce(is_other_source, false)
                and coalesce(source_quality, '') <> 'primary'
                then 'same_source'
            when is_fact and known_by_date is not null and coalesce(known_date > known_by_date, true)
                then 'not_known_yet'
            when
                comparison = 'between' and (lower_bound is null or upper_bound is null)
                or comparison = 'near' and (lower_bound is null or upper_bound is null)
                or comparison in ('at_least', 'above') and lower_bound is null
                or comparison in ('at_most', 'below') and upper_bound is null
                or comparison in ('same_date', 'mentions', 'mentions_none') and expected_words is null
                then 'nothing_to_compare'
            when
                comparison = 'same_date'
                and length(value_text) < length(expected_words)
                and starts_with(expected_words, value_text)
                then 'known_less_exactly'
            else 'compared'
        end as status
    from joined

),

compared as (

    select
        *,
        case comparison
            when 'between'
                then value_number between lower_bound - tolerance and upper_bound + tolerance
            when 'near' then abs(value_number - (lower_bound + upper_bound) / 2) <= tolerance
            when 'at_least' then value_number >= lower_bound - tolerance
            when 'above' then value_number > lower_bound - tolerance
            when 'at_most' then value_number <= upper_bound + tolerance
            when 'below' then value_number < upper_bound + tolerance
            when 'same_date' then starts_with(value_text, expected_words)
            when 'mentions' then does_mention
            when 'mentions_none' then not does_mention
        end as is_met
    from weighed

),

final as (

    select
        claim_id,
        check_number,
        member,
        decides,
        is_proxy,
        measure_id,
        measured_as,
        value_number,
        value_text,
        unit,
        comparison,
        expected_in_words,
        lower_bound as expected_low,
        upper_bound as expected_high,
        expected_words as expected_text,
        tolerance,
        status,
        case
            when status <> 'compared' or is_met is null then 'unknown'
            when is_met then 'holds'
            else 'fails'
        end as result,
        known_date as fact_known_date,
        known_by_date,
        source_url as fact_url,
        source_quality as fact_source_quality,
        case when is_fact then coalesce(is_other_source, false) end as is_independent,
        mart_name as deciding_model,
        deciding_query,
        reason,
        decided_date
    from compared

)

select * from final
order by claim_id asc, check_number asc, member asc
