-- Grain: one row per miner, period, field and fact that can fill the field.
{%- set near = var('period_end_tolerance_days') %}
with

miners as (

    select ticker
    from {{ ref('stg_companies') }}
    where role = 'miner'

),

facts as (

    select
        facts.*,
        {{ quality_grade_rank('facts.source_quality') }} as quality_rank,
        case facts.value_basis
            when 'as_stated' then 1
            when 'approximate' then 2
            when 'derived' then 3
            else 4
        end as value_basis_rank
    from {{ ref('stg_company_facts') }} as facts
    inner join miners on facts.ticker = miners.ticker
    where facts.known_date is not null

),

-- What a company reports of a stretch of time. A quarter's figure is never spread over its
-- months: the length of the period is part of the key.
period_facts as (

    select
        *,
        case metric
            when 'btc_produced' then 'btc_mined'
            when 'energized_hashrate_eh_s' then 'stated_mean_eh_s'
            else metric
        end as field
    from facts
    where
        period in ('month', 'quarter', 'half', 'year')
        and metric in (
            'btc_produced',
            'energized_hashrate_eh_s',
            'hpc_revenue_usd',
            'total_revenue_usd'
        )

),

-- The start follows from the end and the length where no fact of the period states it.
periods as (

    select
        ticker,
        period,
        as_of_date as period_end_date,
        min(known_date) as first_known_date,
        coalesce(
            min(period_start_date),
            cast(
                date_trunc('month', as_of_date) - case period
                    when 'month' then interval 0 month
                    when 'quarter' then interval 2 month
                    when 'half' then interval 5 month
                    when 'year' then interval 11 month
                end as date
            )
        ) as period_start_date
    from period_facts
    group by ticker, period, as_of_date

),

candidates as (

    select
        periods.ticker,
        periods.period,
        periods.period_start_date,
        periods.period_end_date,
        periods.first_known_date,
        period_facts.field,
        period_facts.as_of_date as fact_date,
        period_facts.value,
        period_facts.known_date,
        period_facts.quality_rank,
        period_facts.value_basis_rank,
        period_facts.source_url
    from periods
    inner join period_facts
        on
            periods.ticker = period_facts.ticker
            and periods.period = period_facts.period
            and periods.period_end_date = period_facts.as_of_date
    union all
    -- Figures of a day belong to the end of a period that ends with them or a few days later.
    select
        periods.ticker,
        periods.period,
        periods.period_start_date,
        periods.period_end_date,
        periods.first_known_date,
        case
            when facts.metric = 'btc_held' then 'btc_held'
            when facts.as_of_date < periods.period_start_date then 'energised_start_eh_s'
            else 'energised_end_eh_s'
        end as field,
        facts.as_of_date as fact_date,
        facts.value,
        facts.known_date,
        facts.quality_rank,
        facts.value_basis_rank,
        facts.source_url
    from periods
    inner join facts
        on
            periods.ticker = facts.ticker
            and facts.period = 'point'
            and (
                facts.as_of_date between periods.period_end_date - {{ near }}
                and periods.period_end_date
                or (
                    facts.metric = 'energized_hashrate_eh_s'
                    and facts.as_of_date between periods.period_start_date - 1 - {{ near }}
                    and periods.period_start_date - 1
                )
            )
    where facts.metric in ('btc_held', 'energized_hashrate_eh_s')

)

select * from candidates
