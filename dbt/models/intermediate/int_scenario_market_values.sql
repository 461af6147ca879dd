-- Grain: one row per miner and day of a scenario on which a market value was stated lately.
with

days as (

    select distinct as_of_date
    from {{ ref('int_scenario_dates') }}

),

stated as (

    select
        *,
        {{ quality_grade_rank('source_quality') }} as quality_rank
    from {{ ref('stg_company_facts') }}
    where
        metric = 'market_cap_usd'
        and known_date is not null

)

-- The share prices of miners double within months: an older figure says nothing of the day.
select
    stated.ticker,
    days.as_of_date,
    stated.value as market_cap_usd,
    stated.as_of_date as market_cap_date,
    stated.quality_rank
from days
inner join stated
    on
        days.as_of_date >= stated.known_date
        and stated.as_of_date between days.as_of_date - {{ var('market_cap_max_age_days') }}
        and days.as_of_date
qualify row_number() over (
        partition by stated.ticker, days.as_of_date
        order by
            stated.as_of_date desc,
            stated.known_date desc,
            stated.quality_rank asc,
            stated.value desc,
            stated.source_url asc
    ) = 1
