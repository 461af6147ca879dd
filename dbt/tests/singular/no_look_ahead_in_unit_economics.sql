-- Rows of the unit economics that show a figure before it was public. The figures are looked up
-- in the ledger again, so that a wrong date in the mart cannot hide one.
with

shown as (

    select
        ticker,
        period,
        period_end_date,
        known_date,
        known_at,
        unnest(['btc_produced', 'total_revenue_usd', 'hpc_revenue_usd', 'energized_hashrate_eh_s'])
            as metric,
        unnest([btc_mined, total_revenue_usd, hpc_revenue_usd, stated_mean_eh_s]) as value
    from {{ ref('fct_miner_unit_economics') }}
    union all
    select
        ticker,
        'point' as period,
        null as period_end_date,
        known_date,
        known_at,
        unnest(['energized_hashrate_eh_s', 'energized_hashrate_eh_s', 'btc_held']) as metric,
        unnest([energised_start_eh_s, energised_end_eh_s, btc_held]) as value
    from {{ ref('fct_miner_unit_economics') }}

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
