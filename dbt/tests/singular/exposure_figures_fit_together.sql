-- Figures of the exposure marts that contradict each other: a sign, a share outside 0 to 1, a
-- rank or a sum that its own parts do not give.
{% set tolerance = var('quality')['exposure_figures_fit_together']['threshold'] %}
select
    'fct_ai_exposure' as table_name,
    ticker as name,
    cast(as_of_date as string) as detail,
    'score, share or rank' as problem
from {{ ref('fct_ai_exposure') }}
where
    hpc_mw_share < 0
    or hpc_contracted_mw < 0
    or market_cap_usd <= 0
    or exposure_score not between 0 and 1
    or (exposure_score is null) <> (exposure_rank is null)
    or (exposure_score is null) <> (hpc_contracted_mw is null or score_contracted_part is null)
    or abs(
        exposure_score * n_score_parts - score_contracted_part - coalesce(score_revenue_part, 0)
    ) > {{ tolerance }}
    or abs(market_cap_per_mw_usd * gross_power_mw / market_cap_usd - 1) > {{ tolerance }}
union all
select
    'dim_hpc_contract' as table_name,
    contract_id as name,
    cast(version_number as string) as detail,
    'megawatts or value below zero, or a value without megawatts' as problem
from {{ ref('dim_hpc_contract') }}
where
    least(critical_it_mw, gross_mw, unknown_basis_mw) < 0
    or value_per_mw_year_usd <= 0
    or valued_mw > critical_it_mw + {{ tolerance }}
union all
select
    'fct_hyperscaler_capex' as table_name,
    ticker || ' ' || fiscal_period || ' ' || definition_id as name,
    cast(version_number as string) as detail,
    'the revision and its direction' as problem
from {{ ref('fct_hyperscaler_capex') }}
where
    (guidance_change = 'raised' and coalesce(revision_usd <= 0, true))
    or (guidance_change = 'lowered' and coalesce(revision_usd >= 0, true))
    or guidance_low_usd > guidance_high_usd
    or revision_usd <> 0 and guidance_change not in ('raised', 'lowered')
order by table_name, name, detail
