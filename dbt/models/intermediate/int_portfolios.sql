-- Grain: one row per portfolio: a kind, occasion, group and model (and exposure metric) with a firm to hold.
with

occasions as (

    select * from {{ ref('int_occasions') }}

),

members as (

    select * from {{ ref('int_occasion_group_members') }}

),

estimates as (

    select * from {{ ref('int_event_estimates') }}
    where series_status = 'ok'

),

gradient_firms as (

    select * from {{ ref('int_gradient_firms') }}
    where n_known >= {{ var('min_gradient_firms') }} and has_spread

),

equal_weight as (

    select
        'equal_weight' as portfolio_kind,
        occasions.occasion_id,
        members.group_id,
        estimates.model_id,
        cast(null as string) as metric,
        cast(null as integer) as gradient_number,
        estimates.panel_number,
        estimates.firm_number,
        1e0 as weight
    from occasions
    inner join members on occasions.occasion_id = members.occasion_id
    inner join estimates
        on
            occasions.leading_event_id = estimates.event_id
            and members.ticker = estimates.ticker

),

-- The slope of the abnormal return on exposure is itself the abnormal return of a portfolio, so
-- that what the firms share on the day is in its variance (Sefcik and Thompson 1986).
exposure_slope as (

    select
        'exposure_slope' as portfolio_kind,
        occasion_id,
        group_id,
        model_id,
        metric,
        gradient_number,
        panel_number,
        firm_number,
        slope_weight as weight
    from gradient_firms

),

long_short as (

    select
        'long_short' as portfolio_kind,
        occasion_id,
        group_id,
        model_id,
        metric,
        gradient_number,
        panel_number,
        firm_number,
        long_short_weight as weight
    from gradient_firms

),

held as (

    select * from equal_weight
    union all
    select * from exposure_slope
    union all
    select * from long_short

),

portfolios as (

    select
        cast(
            row_number() over (
                order by portfolio_kind, occasion_id, group_id, model_id, metric
            ) as integer
        ) as portfolio_number,
        portfolio_kind,
        occasion_id,
        group_id,
        model_id,
        metric,
        any_value(gradient_number) as gradient_number,
        any_value(panel_number) as panel_number,
        -- What one unit of the portfolio costs: the market's return counts that many times.
        case when portfolio_kind = 'equal_weight' then 1 else 0 end as net_weight,
        {{ list_of('firm_number', ['firm_number']) }} as firm_numbers,
        {{ list_of('weight', ['firm_number']) }} as weights
    from held
    group by portfolio_kind, occasion_id, group_id, model_id, metric

)

select * from portfolios
