-- Grain: one row per miner, period and day on which something about it became known.
with

candidates as (

    select * from {{ ref('int_miner_period_facts') }}

),

-- A period exists for readers from its own first figure on; a day's figure that was known
-- earlier waits for it.
versions as (

    select distinct
        ticker,
        period,
        period_start_date,
        period_end_date,
        greatest(known_date, first_known_date) as known_date
    from candidates

),

-- For one field the figure of the latest day holds; among those the latest published, then
-- the better source, then the more literal, then the larger.
fields as (

    select
        versions.ticker,
        versions.period,
        versions.period_end_date,
        versions.known_date,
        candidates.field,
        candidates.value,
        candidates.fact_date,
        candidates.quality_rank,
        candidates.value_basis_rank
    from versions
    inner join candidates
        on
            versions.ticker = candidates.ticker
            and versions.period = candidates.period
            and versions.period_end_date = candidates.period_end_date
            and versions.known_date >= candidates.known_date
    qualify row_number() over (
            partition by
                versions.ticker,
                versions.period,
                versions.period_end_date,
                versions.known_date,
                candidates.field
            order by
                candidates.fact_date desc,
                candidates.known_date desc,
                candidates.quality_rank asc,
                candidates.value_basis_rank asc,
                candidates.value desc,
                candidates.source_url asc
        ) = 1

),

pivoted as (

    select
        ticker,
        period,
        period_end_date,
        known_date,
        max(value) filter (where field = 'btc_mined') as btc_mined,
        max(value) filter (where field = 'stated_mean_eh_s') as stated_mean_eh_s,
        max(value) filter (where field = 'energised_start_eh_s') as energised_start_eh_s,
        max(value) filter (where field = 'energised_end_eh_s') as energised_end_eh_s,
        max(value) filter (where field = 'total_revenue_usd') as total_revenue_usd,
        max(value) filter (where field = 'hpc_revenue_usd') as hpc_revenue_usd,
        max(value) filter (where field = 'btc_held') as btc_held,
        max(quality_rank) as weakest_quality_rank,
        max(value_basis_rank) as weakest_value_basis_rank
    from fields
    group by ticker, period, period_end_date, known_date

)

select
    pivoted.*,
    versions.period_start_date,
    lead(pivoted.known_date) over (
        partition by pivoted.ticker, pivoted.period, pivoted.period_end_date
        order by pivoted.known_date
    ) as superseded_date
from pivoted
inner join versions
    on
        pivoted.ticker = versions.ticker
        and pivoted.period = versions.period
        and pivoted.period_end_date = versions.period_end_date
        and pivoted.known_date = versions.known_date
