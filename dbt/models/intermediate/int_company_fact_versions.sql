-- Grain: one row per fact of the ledger about a company (ticker, day, metric, period, basis, source).
with

facts as (

    select
        *,
        -- A point in time competes with other days; a period only with itself.
        case when period <> 'point' then as_of_date end as period_end_date,
        {{ quality_grade_rank('source_quality') }} as quality_rank,
        case value_basis
            when 'as_stated' then 1
            when 'approximate' then 2
            when 'derived' then 3
            else 4
        end as value_basis_rank
    from {{ ref('stg_company_facts') }}

),

-- Of what is known on a day, the figure for the latest day holds; then the latest published,
-- the better source, the more literal, the larger.
ranked as (

    select
        *,
        row_number() over (
            partition by ticker, metric, period, period_end_date
            order by
                as_of_date desc,
                known_date desc nulls last,
                quality_rank asc,
                value_basis_rank asc nulls last,
                value desc,
                power_basis asc nulls last,
                source_url asc
        ) as preference
    from facts

),

overtaken as (

    select
        *,
        -- First day on which something better was known.
        min(known_date) over (
            partition by ticker, metric, period, period_end_date
            order by preference
            rows between unbounded preceding and 1 preceding
        ) as overtaken_date
    from ranked

),

overtakers as (

    select
        overtaken.ticker,
        overtaken.metric,
        overtaken.period,
        overtaken.period_end_date,
        overtaken.preference,
        better.value as overtaken_by_value,
        better.power_basis as overtaken_by_power_basis,
        better.as_of_date as overtaken_by_date,
        better.source_url as overtaken_by_source_url,
        case
            when better.as_of_date > overtaken.as_of_date then 'figure for a later day'
            when better.known_date > overtaken.known_date then 'later publication for the same day'
            when better.quality_rank < overtaken.quality_rank then 'better source for the same day'
            when better.value_basis_rank < overtaken.value_basis_rank
                then 'more literal figure for the same day'
            else 'larger figure of two alike'
        end as why
    from overtaken
    inner join ranked as better
        on
            overtaken.ticker = better.ticker
            and overtaken.metric = better.metric
            and overtaken.period = better.period
            and overtaken.period_end_date is not distinct from better.period_end_date
            and overtaken.overtaken_date = better.known_date
            and overtaken.preference > better.preference
    qualify row_number() over (
            partition by
                overtaken.ticker,
                overtaken.metric,
                overtaken.period,
                overtaken.period_end_date,
                overtaken.preference
            order by better.preference
        ) = 1

),

final as (

    select
        overtaken.ticker,
        overtaken.metric,
        overtaken.as_of_date,
        overtaken.period,
        overtaken.period_start_date,
        overtaken.value,
        overtaken.unit,
        overtaken.power_basis,
        overtaken.value_basis,
        overtaken.known_date,
        overtaken.known_at_basis,
        overtaken.source_name,
        overtaken.source_url,
        overtaken.source_quality,
        overtaken.quality_rank,
        case
            when overtaken.overtaken_date <= overtaken.known_date then null
            else overtaken.known_date
        end as selected_from_date,
        case
            when overtaken.overtaken_date > overtaken.known_date
                then overtaken.overtaken_date - 1
        end as selected_to_date,
        case
            when overtaken.known_date is null then 'never taken: no day on which it became public'
            when overtaken.overtaken_date is null
                then 'taken: nothing better is known'
            when overtaken.overtaken_date <= overtaken.known_date
                then 'never taken: ' || overtakers.why || ' was known'
            else 'taken until a ' || overtakers.why || ' became known'
        end as selection_reason,
        overtakers.overtaken_by_value,
        overtakers.overtaken_by_power_basis,
        overtakers.overtaken_by_date,
        overtakers.overtaken_by_source_url
    from overtaken
    left join overtakers
        on
            overtaken.ticker = overtakers.ticker
            and overtaken.metric = overtakers.metric
            and overtaken.period = overtakers.period
            and overtaken.period_end_date is not distinct from overtakers.period_end_date
            and overtaken.preference = overtakers.preference

)

select * from final
