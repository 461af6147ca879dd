-- Grain: one row per span of a miner before which it announced spending of its own.
with

changes as (

    select
        span_number,
        ticker,
        valid_from_date
    from {{ ref('int_exposure_changes') }}

),

spending as (

    select
        ticker,
        known_date,
        value_usd,
        {{ quality_grade_rank('source_quality') }} as quality_rank
    from {{ ref('int_capex_announcements') }}
    where
        announces_own_capex
        and known_date is not null

),

summed as (

    select
        changes.span_number,
        sum(spending.value_usd) as capex_announced_usd,
        max(spending.known_date) as newest_known_date,
        max(spending.quality_rank) as weakest_quality_rank
    from changes
    inner join spending
        on
            changes.ticker = spending.ticker
            and changes.valid_from_date >= spending.known_date
    group by changes.span_number

)

select * from summed
