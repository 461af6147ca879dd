-- Grain: one row per ticker, metric, known day and day of the balance.
{%- set priorities = ['cash_usd', 'shares_outstanding'] %}
{%- set totals = ['debt', 'crypto_assets'] %}
with

points as (

    select * from {{ ref('int_xbrl_known_periods') }}
    where span = 'point' and value is not null

),

-- Where a day has several concepts of a metric, the first by priority holds.
by_priority as (

    select
        ticker,
        metric,
        known_date,
        period_end_date,
        value
    from points
    qualify row_number() over (
            partition by ticker, metric, known_date, period_end_date
            order by concept_priority asc
        ) = 1

),

-- Of two concepts that both stand for the total the larger one is: a firm may tag its
-- non-current part with the name of the total.
sides as (
    {% for name in totals %}
    select
        '{{ name }}_usd' as metric,
        points.ticker,
        points.known_date,
        points.period_end_date,
        max(points.value) filter (where points.metric = '{{ name }}_usd') as stated,
        max(by_priority.value) filter (where by_priority.metric = '{{ name }}_current_usd')
            as current_part,
        max(by_priority.value) filter (where by_priority.metric = '{{ name }}_noncurrent_usd')
            as noncurrent_part
    from points
    left join by_priority
        on
            points.ticker = by_priority.ticker
            and points.known_date = by_priority.known_date
            and points.period_end_date = by_priority.period_end_date
            and by_priority.metric in ('{{ name }}_current_usd', '{{ name }}_noncurrent_usd')
    where
        points.metric
        in ('{{ name }}_usd', '{{ name }}_current_usd', '{{ name }}_noncurrent_usd')
    group by points.ticker, points.known_date, points.period_end_date
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

-- A stated total that is the non-current part to the dollar is that part, where a current part
-- stands beside it.
totals as (

    select
        *,
        stated is not null and not coalesce(stated = noncurrent_part and current_part > 0, false)
            as is_stated
    from sides

),

final as (

    select
        ticker,
        metric,
        known_date,
        period_end_date,
        case when is_stated then stated else current_part + noncurrent_part end as value,
        case when is_stated then 'stated_total' else 'current_plus_noncurrent' end as method
    from totals
    where is_stated or current_part + noncurrent_part is not null
    union all
    select
        ticker,
        metric,
        known_date,
        period_end_date,
        value,
        'stated_total' as method
    from by_priority
    where metric in ('{{ priorities | join("', '") }}')

)

select * from final
