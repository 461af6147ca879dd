-- Grain: one row per ticker, metric, known day and last day of a trailing year.
with

periods as (

    select * from {{ ref('int_xbrl_known_periods') }}
    where span in ('quarter', 'half', 'nine_months', 'year')

),

quarters as (

    select * from {{ ref('int_known_quarters') }}

),

stated_years as (

    select
        ticker,
        metric,
        known_date,
        period_end_date,
        value as value_usd,
        'stated_year' as method,
        false as mixes_restatements,
        false as mixes_concepts,
        concept_priority
    from periods
    where span = 'year'

),

four_quarters_in_a_row as (

    select
        ticker,
        metric,
        known_date,
        period_end_date,
        sum(value_usd) over last_four as value_usd,
        min(period_start_date) over last_four as first_date,
        count(*) over last_four as n_quarters,
        min(concept) over last_four <> max(concept) over last_four as mixes_concepts,
        bool_or(mixes_restatements) over last_four as mixes_restatements,
        -- Where one ends and the next starts; a missing or doubled quarter shows as a gap.
        sum({{ days_between('period_start_date', 'period_end_date') }} + 1) over last_four as n_days
    from quarters
    window last_four as (
        partition by ticker, metric, known_date
        order by period_end_date asc
        rows between 3 preceding and current row
    )

),

four_quarters as (

    select
        ticker,
        metric,
        known_date,
        period_end_date,
        value_usd,
        'four_quarters' as method,
        mixes_restatements,
        mixes_concepts,
        cast(null as bigint) as concept_priority
    from four_quarters_in_a_row
    where
        n_quarters = 4
        and n_days = {{ days_between('first_date', 'period_end_date') }} + 1
        and n_days between 350 and 380

),

-- Firms that report by halves: the last year, plus the part of this one, less the same part
-- of the last.
bridges as (

    select
        years.ticker,
        years.metric,
        years.known_date,
        this_part.period_end_date,
        years.value + this_part.value - last_part.value as value_usd,
        'year_and_parts' as method,
        years.is_restated <> this_part.is_restated
        or years.is_restated <> last_part.is_restated as mixes_restatements,
        false as mixes_concepts,
        years.concept_priority
    from periods as years
    inner join periods as last_part
        on
            years.ticker = last_part.ticker
            and years.metric = last_part.metric
            and years.taxonomy = last_part.taxonomy
            and years.concept = last_part.concept
            and years.known_date = last_part.known_date
            and years.period_start_date = last_part.period_start_date
            and last_part.span <> 'year'
    inner join periods as this_part
        on
            years.ticker = this_part.ticker
            and years.metric = this_part.metric
            and years.taxonomy = this_part.taxonomy
            and years.concept = this_part.concept
            and years.known_date = this_part.known_date
            and years.period_end_date + 1 = this_part.period_start_date
            and last_part.span = this_part.span
    where
        years.span = 'year'
        and years.value + this_part.value - last_part.value >= 0

),

-- As with quarters: the last version of one cast holds on.
consistent_bridges as (

    select
        *,
        {{ last_known('case when not mixes_restatements then value_usd end', 'by_period') }}
            as consistent_value_usd
    from bridges
    window by_period as (
        partition by ticker, metric, concept_priority, period_end_date
        order by known_date asc, value_usd asc
        rows between unbounded preceding and current row
    )

),

candidates as (

    select * from stated_years
    union all
    select * from four_quarters
    union all
    select
        ticker,
        metric,
        known_date,
        period_end_date,
        coalesce(consistent_value_usd, value_usd) as value_usd,
        method,
        consistent_value_usd is null as mixes_restatements,
        mixes_concepts,
        concept_priority
    from consistent_bridges

),

final as (

    select
        ticker,
        metric,
        known_date,
        period_end_date,
        value_usd,
        method,
        mixes_restatements,
        mixes_concepts
    from candidates
    qualify row_number() over (
            partition by ticker, metric, known_date, period_end_date
            order by
                case method
                    when 'stated_year' then 1
                    when 'four_quarters' then 2
                    else 3
                end asc,
                concept_priority asc nulls last,
                mixes_restatements asc,
                value_usd asc
        ) = 1

)

select * from final
