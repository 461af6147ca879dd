-- Grain: one row per span of a miner.
with

changes as (

    select
        span_number,
        ticker,
        valid_from_date
    from {{ ref('int_exposure_changes') }}

),

-- Which of several figures holds on a day is decided once, in the versions of the facts.
known_facts as (

    select
        changes.span_number,
        changes.valid_from_date,
        facts.metric,
        facts.as_of_date,
        facts.period,
        facts.value,
        facts.power_basis,
        facts.value_basis,
        facts.known_date,
        facts.quality_rank
    from changes
    inner join {{ ref('int_company_fact_versions') }} as facts
        on
            changes.ticker = facts.ticker
            and changes.valid_from_date >= facts.selected_from_date
            and (
                facts.selected_to_date is null
                or changes.valid_from_date <= facts.selected_to_date
            )

),

points as (

    select
        span_number,
        {% for metric, name in [
            ('contracted_hpc_mw', 'contracted'),
            ('total_power_capacity_mw', 'power'),
            ('operational_hpc_mw', 'operational'),
            ('shares_outstanding', 'shares'),
            ('market_cap_usd', 'cap'),
            ('net_debt_usd', 'debt'),
        ] %}
        max(value) filter (where metric = '{{ metric }}') as {{ name }}_value,
        max(power_basis) filter (where metric = '{{ metric }}') as {{ name }}_power_basis,
        max(value_basis) filter (where metric = '{{ metric }}') as {{ name }}_value_basis,
        max(as_of_date) filter (where metric = '{{ metric }}') as {{ name }}_date,
        max(known_date) filter (where metric = '{{ metric }}') as {{ name }}_known_date,
        max(quality_rank) filter (where metric = '{{ metric }}') as {{ name }}_quality_rank
        {%- if not loop.last %},{% endif %}
        {% endfor %}
    from known_facts
    where period = 'point'
    group by span_number

),

-- Revenue and capital expenditure of one and the same quarter or year.
periods as (

    select
        span_number,
        period,
        as_of_date,
        max(value) filter (where metric = 'hpc_revenue_usd') as hpc_revenue_usd,
        max(value) filter (where metric = 'total_revenue_usd') as total_revenue_usd,
        max(value) filter (where metric = 'capex_usd') as capex_usd,
        max(known_date) filter (where metric in ('hpc_revenue_usd', 'total_revenue_usd'))
            as revenue_known_date,
        max(quality_rank) filter (where metric in ('hpc_revenue_usd', 'total_revenue_usd'))
            as revenue_quality_rank,
        max(known_date) filter (where metric in ('capex_usd', 'total_revenue_usd'))
            as capex_known_date,
        max(quality_rank) filter (where metric in ('capex_usd', 'total_revenue_usd'))
            as capex_quality_rank
    from known_facts
    where
        period in ('quarter', 'year')
        and metric in ('hpc_revenue_usd', 'total_revenue_usd', 'capex_usd')
    group by span_number, period, as_of_date

),

-- A share needs both revenues of one and the same quarter.
revenue_shares as (

    select
        *,
        hpc_revenue_usd / nullif(total_revenue_usd, 0) as hpc_revenue_share
    from periods
    where
        period = 'quarter'
        and hpc_revenue_usd is not null
        and total_revenue_usd is not null
    qualify row_number() over (
            partition by span_number
            order by as_of_date desc
        ) = 1

),

-- Twelve months are a year as reported, or four quarters in a row: their ends lie nine months
-- apart, give or take two weeks of a 52-week calendar.
quarter_sums as (

    select
        span_number,
        as_of_date,
        sum(capex_usd) over last_four as capex_ttm_usd,
        sum(total_revenue_usd) over last_four as revenue_ttm_usd,
        count(capex_usd) over last_four as n_capex,
        count(total_revenue_usd) over last_four as n_revenue,
        {{ days_between('min(as_of_date) over last_four', 'as_of_date') }} as n_days_between,
        max(capex_known_date) over last_four as capex_known_date,
        max(capex_quality_rank) over last_four as capex_quality_rank
    from periods
    where period = 'quarter'
    window last_four as (
        partition by span_number
        order by as_of_date
        rows between 3 preceding and current row
    )

),

twelve_months as (

    select
        span_number,
        as_of_date,
        capex_ttm_usd,
        case when n_revenue = 4 then revenue_ttm_usd end as revenue_ttm_usd,
        capex_known_date,
        capex_quality_rank
    from quarter_sums
    where
        n_capex = 4
        and n_days_between between 260 and 290
    union all
    select
        span_number,
        as_of_date,
        capex_usd as capex_ttm_usd,
        total_revenue_usd as revenue_ttm_usd,
        capex_known_date,
        capex_quality_rank
    from periods
    where
        period = 'year'
        and capex_usd is not null

),

latest_twelve_months as (

    select *
    from twelve_months
    qualify row_number() over (
            partition by span_number
            order by as_of_date desc, revenue_ttm_usd desc nulls last, capex_ttm_usd desc
        ) = 1

),

-- Spending against revenue of the longest recent period that has both.
intensities as (

    select
        span_number,
        as_of_date,
        'twelve_months' as capex_intensity_basis,
        1 as basis_rank,
        capex_ttm_usd / nullif(revenue_ttm_usd, 0) as capex_intensity,
        capex_known_date,
        capex_quality_rank
    from latest_twelve_months
    where revenue_ttm_usd is not null
    union all
    select
        span_number,
        as_of_date,
        'quarter' as capex_intensity_basis,
        2 as basis_rank,
        capex_usd / nullif(total_revenue_usd, 0) as capex_intensity,
        capex_known_date,
        capex_quality_rank
    from periods
    where
        period = 'quarter'
        and capex_usd is not null
        and total_revenue_usd is not null

),

latest_intensities as (

    select *
    from intensities
    qualify row_number() over (
            partition by span_number
            order by as_of_date desc, basis_rank asc
        ) = 1

),

-- What had been filed with the SEC by the first day of a span.
reported as (

    select
        changes.span_number,
        financials.known_date,
        financials.capex_ttm_usd,
        financials.capex_ttm_end_date,
        financials.capex_intensity,
        financials.capex_intensity_end_date,
        financials.shares_outstanding,
        financials.shares_outstanding_date
    from changes
    inner join {{ ref('int_quarterly_financials') }} as financials
        on
            changes.ticker = financials.ticker
            and changes.valid_from_date >= financials.known_date
    qualify row_number() over (
            partition by changes.span_number
            order by financials.known_date desc
        ) = 1

),

-- Figure by figure the source of the later period or day is taken: a release often comes weeks
-- before the filing. Of one and the same, the filing: it is the primary source.
sources as (

    select
        changes.span_number,
        changes.ticker,
        case
            when
                reported.capex_ttm_usd is not null
                and coalesce(
                    reported.capex_ttm_end_date >= latest_twelve_months.as_of_date, true
                ) then 'xbrl'
            when latest_twelve_months.capex_ttm_usd is not null then 'ledger'
        end as capex_source,
        case
            when
                reported.capex_intensity is not null
                and coalesce(
                    reported.capex_intensity_end_date >= latest_intensities.as_of_date, true
                ) then 'xbrl'
            when latest_intensities.capex_intensity is not null then 'ledger'
        end as capex_intensity_source,
        case
            when
                reported.shares_outstanding is not null
                and coalesce(reported.shares_outstanding_date >= points.shares_date, true)
                then 'xbrl'
            when points.shares_value is not null then 'ledger'
        end as shares_source
    from changes
    left join points
        on changes.span_number = points.span_number
    left join latest_twelve_months
        on changes.span_number = latest_twelve_months.span_number
    left join latest_intensities
        on changes.span_number = latest_intensities.span_number
    left join reported
        on changes.span_number = reported.span_number

),

taken as (

    select
        sources.span_number,
        sources.ticker,
        sources.capex_source,
        sources.capex_intensity_source,
        sources.shares_source,
        {% for figure, source, ledger, filed in [
            ('capex_ttm_usd', 'capex', 'latest_twelve_months.capex_ttm_usd', 'capex_ttm_usd'),
            ('capex_ttm_end_date', 'capex', 'latest_twelve_months.as_of_date', 'capex_ttm_end_date'),
            ('capex_known_date', 'capex', 'latest_twelve_months.capex_known_date', 'known_date'),
            ('capex_intensity', 'capex_intensity', 'latest_intensities.capex_intensity', 'capex_intensity'),
            ('capex_intensity_end_date', 'capex_intensity', 'latest_intensities.as_of_date', 'capex_intensity_end_date'),
            ('intensity_known_date', 'capex_intensity', 'latest_intensities.capex_known_date', 'known_date'),
            ('shares_outstanding', 'shares', 'points.shares_value', 'shares_outstanding'),
            ('shares_outstanding_date', 'shares', 'points.shares_date', 'shares_outstanding_date'),
            ('shares_known_date', 'shares', 'points.shares_known_date', 'known_date'),
        ] %}
        case sources.{{ source }}_source
            when 'xbrl' then reported.{{ filed }}
            when 'ledger' then {{ ledger }}
        end as {{ figure }},
        {% endfor %}
        case sources.capex_intensity_source
            when 'xbrl' then 'twelve_months'
            when 'ledger' then latest_intensities.capex_intensity_basis
        end as capex_intensity_basis,
        -- A filing with the SEC is a primary source, of rank 1.
        case sources.capex_source
            when 'xbrl' then 1
            when 'ledger' then latest_twelve_months.capex_quality_rank
        end as capex_quality_rank,
        case sources.capex_intensity_source
            when 'xbrl' then 1
            when 'ledger' then latest_intensities.capex_quality_rank
        end as intensity_quality_rank,
        case sources.shares_source
            when 'xbrl' then 1
            when 'ledger' then points.shares_quality_rank
        end as shares_quality_rank
    from sources
    left join points
        on sources.span_number = points.span_number
    left join latest_twelve_months
        on sources.span_number = latest_twelve_months.span_number
    left join latest_intensities
        on sources.span_number = latest_intensities.span_number
    left join reported
        on sources.span_number = reported.span_number

),

-- Closes are in shares of today: a count of before a split is brought to the same shares.
split_factors as (

    select
        taken.span_number,
        {{ product_of('splits.split_ratio') }} as split_factor
    from taken
    inner join {{ ref('stg_equity_splits') }} as splits
        on
            taken.ticker = splits.ticker
            and taken.shares_outstanding_date < splits.ex_date
    group by taken.span_number

),

final as (

    select
        changes.span_number,
        points.contracted_value as hpc_contracted_stated_mw,
        case
            when points.contracted_value is not null
                then coalesce(points.contracted_power_basis, 'unknown')
        end as hpc_contracted_stated_basis,
        points.contracted_value_basis as hpc_contracted_stated_value_basis,
        points.contracted_date as hpc_contracted_stated_date,
        points.contracted_known_date as hpc_contracted_stated_known_date,
        points.power_value as gross_power_mw,
        points.power_power_basis as gross_power_basis,
        points.power_known_date as gross_power_known_date,
        points.operational_value as hpc_delivered_mw,
        case
            when points.operational_value is not null
                then coalesce(points.operational_power_basis, 'unknown')
        end as hpc_delivered_basis,
        points.operational_date as hpc_delivered_date,
        taken.shares_outstanding * coalesce(split_factors.split_factor, 1) as shares_outstanding,
        taken.shares_outstanding_date,
        taken.shares_known_date,
        taken.shares_quality_rank,
        taken.shares_source,
        points.cap_value as stated_market_cap_usd,
        points.cap_date as stated_market_cap_date,
        points.cap_known_date,
        points.cap_quality_rank,
        points.debt_value as net_debt_usd,
        points.debt_date as net_debt_date,
        points.debt_known_date,
        points.debt_quality_rank,
        revenue_shares.hpc_revenue_share,
        revenue_shares.as_of_date as hpc_revenue_quarter_end_date,
        taken.capex_ttm_usd,
        taken.capex_ttm_end_date,
        taken.capex_source,
        taken.capex_intensity,
        taken.capex_intensity_basis,
        taken.capex_intensity_end_date,
        taken.capex_intensity_source,
        -- greatest skips NULL: the newest of what is there.
        greatest(
            points.contracted_known_date,
            points.power_known_date,
            points.operational_known_date,
            revenue_shares.revenue_known_date,
            taken.capex_known_date,
            taken.intensity_known_date
        ) as newest_known_date,
        greatest(
            points.contracted_quality_rank,
            points.power_quality_rank,
            points.operational_quality_rank,
            revenue_shares.revenue_quality_rank,
            taken.capex_quality_rank,
            taken.intensity_quality_rank
        ) as weakest_quality_rank
    from changes
    left join points
        on changes.span_number = points.span_number
    left join revenue_shares
        on changes.span_number = revenue_shares.span_number
    left join taken
        on changes.span_number = taken.span_number
    left join split_factors
        on changes.span_number = split_factors.span_number

)

select * from final
