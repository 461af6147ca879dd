-- Grain: one row per company, fiscal period, definition and version (a day that added a figure).
with

figures as (

    select
        capex.ticker,
        capex.company_name,
        capex.fiscal_period,
        capex.period_start_date,
        capex.period_end_date,
        capex.capex_usd,
        capex.definition,
        capex.kind,
        capex.announced_date,
        capex.announced_on_basis,
        capex.source_url,
        -- A wording that the list does not know is compared with nothing but itself.
        coalesce(listed.definition_id, capex.definition) as definition_id,
        listed.definition_id is not null as is_listed_definition,
        coalesce(listed.bound, 'exact') as bound,
        {{ quality_grade_rank('capex.source_quality') }} as quality_rank
    from {{ ref('stg_hyperscaler_capex') }} as capex
    left join {{ ref('stg_capex_definitions') }} as listed
        on
            capex.ticker = listed.ticker
            and capex.definition = listed.definition

),

-- Two pages with one figure of one day: the better source holds, then the larger figure.
chosen as (

    select *
    from figures
    qualify row_number() over (
            partition by ticker, fiscal_period, definition_id, kind, announced_date
            order by quality_rank asc, capex_usd desc, definition asc, source_url asc
        ) = 1

),

-- What one day says of one period in one definition. Figures without a day stand in a version
-- of their own, number 0, and enter no other.
days as (

    select
        ticker,
        fiscal_period,
        definition_id,
        announced_date,
        min(company_name) as company,
        min(period_start_date) as period_start_date,
        max(period_end_date) as period_end_date,
        bool_and(is_listed_definition) as is_listed_definition,
        {{ text_of('definition', '; ', ['definition'], once=true) }} as definitions,
        max(capex_usd) filter (where kind = 'actual') as actual_usd,
        max(capex_usd) filter (where kind = 'guidance_low') as guidance_low_usd,
        max(capex_usd) filter (where kind = 'guidance_high') as guidance_high_usd,
        max(capex_usd) filter (where kind = 'guidance_point') as guidance_point_usd,
        max(bound) filter (where kind = 'actual') as actual_bound,
        case
            when count(*) filter (where kind <> 'actual' and bound = 'floor') > 0 then 'floor'
            when count(*) filter (where kind <> 'actual' and bound = 'ceiling') > 0
                then 'ceiling'
            when count(*) filter (where kind <> 'actual' and bound = 'approximate') > 0
                then 'approximate'
            when count(*) filter (where kind <> 'actual') > 0 then 'exact'
        end as guidance_bound,
        count(*) filter (where kind <> 'actual') > 0 as has_guidance,
        count(*) filter (where kind = 'actual') > 0 as has_actual,
        {{ text_of('announced_on_basis', '; ', ['announced_on_basis'], once=true) }}
            as announced_on_basis,
        {{ text_of('source_url', ' ', ['source_url'], once=true) }} as source_urls,
        max(quality_rank) as weakest_quality_rank
    from chosen
    group by ticker, fiscal_period, definition_id, announced_date

),

-- The middle of a range stands for it; a bound alone has no middle.
centred as (

    select
        *,
        coalesce(guidance_point_usd, (guidance_low_usd + guidance_high_usd) / 2)
            as guidance_central_usd
    from days

),

guidances as (

    select
        *,
        row_number() over (
            partition by ticker, fiscal_period, definition_id
            order by announced_date
        ) as guidance_number,
        lag(announced_date) over (
            partition by ticker, fiscal_period, definition_id
            order by announced_date
        ) as previous_guidance_on,
        lag(guidance_central_usd) over (
            partition by ticker, fiscal_period, definition_id
            order by announced_date
        ) as previous_central_usd,
        lag(guidance_low_usd) over (
            partition by ticker, fiscal_period, definition_id
            order by announced_date
        ) as previous_low_usd,
        lag(guidance_high_usd) over (
            partition by ticker, fiscal_period, definition_id
            order by announced_date
        ) as previous_high_usd
    from centred
    where
        has_guidance
        and announced_date is not null

),

actuals as (

    select
        *,
        row_number() over (
            partition by ticker, fiscal_period, definition_id
            order by announced_date
        ) as actual_number
    from centred
    where
        has_actual
        and announced_date is not null

),

versions as (

    select
        *,
        sum(cast(has_guidance as integer)) over (
            partition by ticker, fiscal_period, definition_id
            order by announced_date
            rows between unbounded preceding and current row
        ) as guidance_number,
        sum(cast(has_actual as integer)) over (
            partition by ticker, fiscal_period, definition_id
            order by announced_date
            rows between unbounded preceding and current row
        ) as actual_number,
        row_number() over (
            partition by ticker, fiscal_period, definition_id
            order by announced_date
        ) as version_number,
        row_number() over (
            partition by ticker, fiscal_period, definition_id
            order by announced_date desc
        ) = 1 as is_latest
    from centred
    where announced_date is not null

),

known as (

    select
        versions.ticker,
        versions.fiscal_period,
        versions.definition_id,
        versions.version_number,
        versions.announced_date,
        versions.company,
        versions.period_start_date,
        versions.period_end_date,
        versions.is_listed_definition,
        versions.definitions,
        versions.is_latest,
        actuals.actual_usd,
        actuals.actual_bound,
        guidances.guidance_low_usd,
        guidances.guidance_high_usd,
        guidances.guidance_point_usd,
        guidances.guidance_central_usd,
        guidances.guidance_bound,
        guidances.announced_date as guidance_on,
        guidances.previous_guidance_on,
        guidances.guidance_central_usd - guidances.previous_central_usd as revision_usd,
        guidances.guidance_central_usd / nullif(guidances.previous_central_usd, 0) - 1
            as revision_share,
        case
            when guidances.announced_date is null then null
            when guidances.previous_guidance_on is null then 'first'
            when guidances.guidance_central_usd > guidances.previous_central_usd then 'raised'
            when guidances.guidance_central_usd < guidances.previous_central_usd then 'lowered'
            when
                guidances.guidance_central_usd = guidances.previous_central_usd
                and coalesce(guidances.guidance_low_usd, 0)
                = coalesce(guidances.previous_low_usd, 0)
                and coalesce(guidances.guidance_high_usd, 0)
                = coalesce(guidances.previous_high_usd, 0)
                then 'reiterated'
            when guidances.guidance_central_usd = guidances.previous_central_usd
                then 'range_changed'
            else 'not_comparable'
        end as guidance_change,
        versions.announced_on_basis,
        versions.source_urls,
        versions.weakest_quality_rank
    from versions
    left join guidances
        on
            versions.ticker = guidances.ticker
            and versions.fiscal_period = guidances.fiscal_period
            and versions.definition_id = guidances.definition_id
            and versions.guidance_number = guidances.guidance_number
    left join actuals
        on
            versions.ticker = actuals.ticker
            and versions.fiscal_period = actuals.fiscal_period
            and versions.definition_id = actuals.definition_id
            and versions.actual_number = actuals.actual_number

),

undated as (

    select
        ticker,
        fiscal_period,
        definition_id,
        0 as version_number,
        announced_date,
        company,
        period_start_date,
        period_end_date,
        is_listed_definition,
        definitions,
        false as is_latest,
        actual_usd,
        actual_bound,
        guidance_low_usd,
        guidance_high_usd,
        guidance_point_usd,
        guidance_central_usd,
        guidance_bound,
        announced_date as guidance_on,
        announced_date as previous_guidance_on,
        cast(null as double) as revision_usd,
        cast(null as double) as revision_share,
        cast(null as string) as guidance_change,
        announced_on_basis,
        source_urls,
        weakest_quality_rank
    from centred
    where announced_date is null

),

together as (

    select * from known
    union all
    select * from undated

),

final as (

    select
        ticker,
        company,
        fiscal_period,
        period_start_date,
        period_end_date,
        definition_id,
        definitions,
        is_listed_definition,
        cast(version_number as integer) as version_number,
        announced_date as announced_on,
        {{ end_of_day_new_york('announced_date') }} as announced_at,
        announced_on_basis,
        announced_date is not null as is_point_in_time,
        is_latest,
        actual_usd,
        actual_bound,
        guidance_low_usd,
        guidance_high_usd,
        guidance_point_usd,
        guidance_central_usd,
        guidance_bound,
        guidance_on,
        previous_guidance_on,
        revision_usd,
        revision_share,
        guidance_change,
        source_urls,
        {{ quality_grade_name('weakest_quality_rank') }} as weakest_source
    from together

)

select * from final
order by ticker asc, period_end_date asc, fiscal_period asc, definition_id asc, version_number asc
