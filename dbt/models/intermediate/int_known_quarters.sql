-- Grain: one row per ticker, metric, known day and quarter end.
with

periods as (

    select * from {{ ref('int_xbrl_known_periods') }}
    where span in ('quarter', 'half', 'nine_months', 'year')

),

stated as (

    select
        ticker,
        metric,
        taxonomy,
        concept,
        concept_priority,
        known_date,
        period_start_date,
        period_end_date,
        value as value_usd,
        'stated' as method,
        false as mixes_restatements
    from periods
    where span = 'quarter'

),

-- Cash flows are filed from the start of the fiscal year on, and no report states the fourth
-- quarter: it is what the longer period has more than the shorter one.
differences as (

    select
        longer.ticker,
        longer.metric,
        longer.taxonomy,
        longer.concept,
        longer.concept_priority,
        longer.known_date,
        shorter.period_end_date + 1 as period_start_date,
        longer.period_end_date,
        longer.value - shorter.value as value_usd,
        'year_to_date_difference' as method,
        longer.is_restated <> shorter.is_restated as mixes_restatements
    from periods as longer
    inner join periods as shorter
        on
            longer.ticker = shorter.ticker
            and longer.metric = shorter.metric
            and longer.taxonomy = shorter.taxonomy
            and longer.concept = shorter.concept
            and longer.known_date = shorter.known_date
            and longer.period_start_date = shorter.period_start_date
            and {{ days_between('shorter.period_end_date', 'longer.period_end_date') }} between 80 and 100

),

-- Revenue is often filed by quarters only: then the year less its first three quarters.
year_less_quarters as (

    select
        years.ticker,
        years.metric,
        years.taxonomy,
        years.concept,
        years.concept_priority,
        years.known_date,
        max(quarters.period_end_date) + 1 as period_start_date,
        years.period_end_date,
        years.value - sum(quarters.value) as value_usd,
        'year_less_quarters' as method,
        bool_or(quarters.is_restated <> years.is_restated) as mixes_restatements
    from periods as years
    inner join periods as quarters
        on
            years.ticker = quarters.ticker
            and years.metric = quarters.metric
            and years.taxonomy = quarters.taxonomy
            and years.concept = quarters.concept
            and years.known_date = quarters.known_date
            and quarters.span = 'quarter'
            and years.period_start_date <= quarters.period_start_date
            and {{ days_between('quarters.period_end_date', 'years.period_end_date') }} >= 80
    where years.span = 'year'
    group by
        years.ticker,
        years.metric,
        years.taxonomy,
        years.concept,
        years.concept_priority,
        years.known_date,
        years.period_start_date,
        years.period_end_date,
        years.value,
        years.is_restated
    having
        count(*) = 3
        and min(quarters.period_start_date) = years.period_start_date
        -- Three quarters side by side, and the fourth of a quarter's length.
        and sum({{ days_between('quarters.period_start_date', 'quarters.period_end_date') }} + 1)
        = {{ days_between('years.period_start_date', 'max(quarters.period_end_date)') }} + 1
        and {{ days_between('max(quarters.period_end_date)', 'years.period_end_date') }} between 80 and 100

),

derived as (

    -- Neither metric is ever below zero: such a difference comes of figures that do not belong
    -- together.
    select * from differences
    where value_usd >= 0
    union all
    select * from year_less_quarters
    where value_usd >= 0

),

-- A filing that restates one of two periods alone makes no new version of the quarter between
-- them: the last version of one cast holds on.
consistent as (

    select
        *,
        {{ last_known('case when not mixes_restatements then value_usd end', 'by_period') }}
            as consistent_value_usd
    from derived
    window by_period as (
        partition by ticker, metric, taxonomy, concept, method, period_start_date, period_end_date
        order by known_date asc
        rows between unbounded preceding and current row
    )

),

candidates as (

    select * from stated
    union all
    select
        ticker,
        metric,
        taxonomy,
        concept,
        concept_priority,
        known_date,
        period_start_date,
        period_end_date,
        coalesce(consistent_value_usd, value_usd) as value_usd,
        method,
        consistent_value_usd is null as mixes_restatements
    from consistent

),

final as (

    select
        ticker,
        metric,
        known_date,
        period_start_date,
        period_end_date,
        value_usd,
        method,
        taxonomy,
        concept,
        mixes_restatements
    from candidates
    qualify row_number() over (
            partition by ticker, metric, known_date, period_end_date
            order by
                concept_priority asc,
                case method
                    when 'stated' then 1
                    when 'year_to_date_difference' then 2
                    else 3
                end asc,
                period_start_date asc
        ) = 1

)

select * from final
