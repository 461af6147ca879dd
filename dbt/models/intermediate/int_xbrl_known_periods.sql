-- Grain: one row per ticker, metric, concept, known day and period.
with

concepts as (

    select * from {{ ref('stg_study_xbrl_concepts') }}

),

facts as (

    select
        xbrl.ticker,
        concepts.metric,
        concepts.priority as concept_priority,
        xbrl.taxonomy,
        xbrl.concept,
        xbrl.period_start_date,
        xbrl.period_end_date,
        xbrl.value,
        xbrl.known_date,
        xbrl.accession,
        coalesce(
            replace(xbrl.form, '/A', '')
            in ('10-K', '10-KT', '10-Q', '10-QT', '20-F', '40-F', '6-K'),
            false
        ) as is_periodic
    from {{ ref('stg_xbrl_facts') }} as xbrl
    inner join concepts
        on
            xbrl.taxonomy = concepts.taxonomy
            and xbrl.concept = concepts.concept
            and xbrl.unit = concepts.unit
    -- Proxy statements repeat figures of the year's report, often in thousands as if in dollars.
    where coalesce(xbrl.form not like '%14A%' and xbrl.form not like '%14C%', true)

),

-- What is known changes only on the days of filings.
known_days as (

    select distinct
        ticker,
        known_date
    from facts

),

-- A trailing year at most a year old needs the two years before it, for comparatives: what
-- ended more than three years ago changes nothing that is asked here.
known_facts as (

    select
        facts.ticker,
        facts.metric,
        facts.concept_priority,
        facts.taxonomy,
        facts.concept,
        facts.period_start_date,
        facts.period_end_date,
        facts.value,
        facts.known_date as filed_date,
        facts.accession,
        known_days.known_date,
        facts.is_periodic,
        bool_or(facts.is_periodic) over (
            partition by
                facts.ticker,
                facts.metric,
                known_days.known_date,
                facts.period_start_date,
                facts.period_end_date
        ) as has_periodic
    from known_days
    inner join facts
        on
            known_days.ticker = facts.ticker
            and known_days.known_date >= facts.known_date
            and {{ days_between('facts.period_end_date', 'known_days.known_date') }} <= 1100

),

-- Every filing repeats earlier periods, restated or not: the last one filed by then holds.
latest as (

    select
        *,
        first_value(value) over by_period as first_filed_value,
        row_number() over (
            partition by
                ticker, metric, taxonomy, concept, known_date, period_start_date, period_end_date
            order by filed_date desc, accession desc
        ) as rank_from_latest
    from known_facts
    -- A figure of another form counts only where no periodic report has one of the period,
    -- whatever concept it uses.
    where is_periodic = has_periodic
    window by_period as (
        partition by
            ticker, metric, taxonomy, concept, known_date, period_start_date, period_end_date
        order by filed_date asc, accession asc
    )

),

final as (

    select
        ticker,
        metric,
        taxonomy,
        concept,
        concept_priority,
        known_date,
        period_start_date,
        period_end_date,
        filed_date,
        value,
        value <> first_filed_value as is_restated,
        -- Calendar quarters have 90 to 92 days, those of 13 or 14 weeks 91 or 98; a year has 364
        -- to 371 days; anything else is a stub that no quarter can be made of.
        case
            when period_start_date is null then 'point'
            when {{ days_between('period_start_date', 'period_end_date') }} + 1 between 80 and 100 then 'quarter'
            when {{ days_between('period_start_date', 'period_end_date') }} + 1 between 170 and 195 then 'half'
            when {{ days_between('period_start_date', 'period_end_date') }} + 1 between 260 and 285 then 'nine_months'
            when {{ days_between('period_start_date', 'period_end_date') }} + 1 between 350 and 380 then 'year'
            else 'other'
        end as span
    from latest
    where rank_from_latest = 1

)

select * from final
