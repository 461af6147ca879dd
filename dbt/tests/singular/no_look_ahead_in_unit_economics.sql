-- Rows of the unit economics that show a figure before it was public. The figures are looked up
-- in the ledger again, so that a wrong date in the mart cannot hide one.
with

shown as (

    {% for metric, column in [
        ('btc_produced', 'btc_mined'),
        ('total_revenue_usd', 'total_revenue_usd'),
        ('hpc_revenue_usd', 'hpc_revenue_usd'),
        ('energized_hashrate_eh_s', 'stated_mean_eh_s'),
    ] -%}
    select
        ticker,
        period,
        period_end_date,
        known_date,
        known_at,
        '{{ metric }}' as metric,
        {{ column }} as value
    from {{ ref('fct_miner_unit_economics') }}
    union all
    {% endfor -%}
    {% for metric, column in [
        ('energized_hashrate_eh_s', 'energised_start_eh_s'),
        ('energized_hashrate_eh_s', 'energised_end_eh_s'),
        ('btc_held', 'btc_held'),
    ] -%}
    select
        ticker,
        'point' as period,
        cast(null as date) as period_end_date,
        known_date,
        known_at,
        '{{ metric }}' as metric,
        {{ column }} as value
    from {{ ref('fct_miner_unit_economics') }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

checked as (

    select
        shown.ticker,
        shown.period,
        shown.period_end_date,
        shown.known_date,
        shown.known_at,
        shown.metric,
        shown.value,
        min(facts.known_date) as first_known_date
    from shown
    left join {{ ref('stg_company_facts') }} as facts
        on
            shown.ticker = facts.ticker
            and shown.metric = facts.metric
            and shown.value = facts.value
            and shown.period = facts.period
            and (shown.period_end_date is null or shown.period_end_date = facts.as_of_date)
    where shown.value is not null
    group by all

)

select *
from checked
where
    coalesce(first_known_date > known_date, true)
    or known_date < period_end_date
    or known_at <> {{ end_of_day_new_york('known_date') }}
order by ticker, metric, known_date
