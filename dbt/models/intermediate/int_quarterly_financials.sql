-- Grain: one row per ticker and day on which it filed figures.
with

known_periods as (

    select * from {{ ref('int_xbrl_known_periods') }}

),

known_days as (

    select distinct
        ticker,
        known_date
    from known_periods

),

latest_quarters as (

    select *
    from {{ ref('int_known_quarters') }}
    qualify row_number() over (
            partition by ticker, metric, known_date
            order by period_end_date desc
        ) = 1

),

trailing_years as (

    select * from {{ ref('int_known_trailing_years') }}

),

latest_years as (

    select *
    from trailing_years
    qualify row_number() over (
            partition by ticker, metric, known_date
            order by period_end_date desc
        ) = 1

),

-- A share of revenue needs both over one and the same year.
intensities as (

    select
        capex.ticker,
        capex.known_date,
        capex.period_end_date,
        capex.value_usd / nullif(revenue.value_usd, 0) as capex_intensity
    from trailing_years as capex
    inner join trailing_years as revenue
        on
            capex.ticker = revenue.ticker
            and capex.known_date = revenue.known_date
            and capex.period_end_date = revenue.period_end_date
            and capex.metric = 'capex_usd'
            and revenue.metric = 'revenue_usd'
    qualify row_number() over (
            partition by capex.ticker, capex.known_date
            order by capex.period_end_date desc
        ) = 1

),

shares as (

    select
        ticker,
        known_date,
        period_end_date,
        value as shares_outstanding
    from known_periods
    where
        metric = 'shares_outstanding'
        and span = 'point'
        and value > 0
    qualify row_number() over (
            partition by ticker, known_date
            order by period_end_date desc, concept_priority asc
        ) = 1

),

final as (

    select
        known_days.ticker,
        known_days.known_date,
        {{ end_of_day_new_york('known_days.known_date') }} as known_at,
        capex_quarters.period_end_date as capex_quarter_end_date,
        capex_quarters.value_usd as capex_quarter_usd,
        capex_quarters.method as capex_quarter_method,
        revenue_quarters.period_end_date as revenue_quarter_end_date,
        revenue_quarters.value_usd as revenue_quarter_usd,
        revenue_quarters.method as revenue_quarter_method,
        capex_years.period_end_date as capex_ttm_end_date,
        capex_years.value_usd as capex_ttm_usd,
        capex_years.method as capex_ttm_method,
        revenue_years.period_end_date as revenue_ttm_end_date,
        revenue_years.value_usd as revenue_ttm_usd,
        revenue_years.method as revenue_ttm_method,
        intensities.capex_intensity,
        intensities.period_end_date as capex_intensity_end_date,
        shares.shares_outstanding,
        shares.period_end_date as shares_outstanding_date,
        coalesce(capex_quarters.mixes_restatements, false)
        or coalesce(revenue_quarters.mixes_restatements, false)
        or coalesce(capex_years.mixes_restatements, false)
        or coalesce(revenue_years.mixes_restatements, false) as mixes_restatements,
        coalesce(capex_years.mixes_concepts, false)
        or coalesce(revenue_years.mixes_concepts, false) as mixes_concepts
    from known_days
    left join latest_quarters as capex_quarters
        on
            known_days.ticker = capex_quarters.ticker
            and known_days.known_date = capex_quarters.known_date
            and capex_quarters.metric = 'capex_usd'
    left join latest_quarters as revenue_quarters
        on
            known_days.ticker = revenue_quarters.ticker
            and known_days.known_date = revenue_quarters.known_date
            and revenue_quarters.metric = 'revenue_usd'
    left join latest_years as capex_years
        on
            known_days.ticker = capex_years.ticker
            and known_days.known_date = capex_years.known_date
            and capex_years.metric = 'capex_usd'
    left join latest_years as revenue_years
        on
            known_days.ticker = revenue_years.ticker
            and known_days.known_date = revenue_years.known_date
            and revenue_years.metric = 'revenue_usd'
    left join intensities
        on
            known_days.ticker = intensities.ticker
            and known_days.known_date = intensities.known_date
    left join shares
        on
            known_days.ticker = shares.ticker
            and known_days.known_date = shares.known_date

)

select * from final
order by ticker asc, known_date asc
