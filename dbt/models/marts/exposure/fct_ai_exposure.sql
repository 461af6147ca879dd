-- Grain: one row per miner and day (end of the day in New York).
with

changes as (

    select * from {{ ref('int_exposure_changes') }}

),

facts as (

    select * from {{ ref('int_exposure_facts') }}

),

contracts as (

    select * from {{ ref('int_exposure_contracts') }}

),

spending as (

    select * from {{ ref('int_exposure_spending') }}

),

coverage as (

    select
        ticker,
        finding,
        searched_to_date
    from {{ ref('stg_search_coverage') }}
    where metric = 'contracted_hpc_mw'

),

parameters as (

    select max(value) as pue_assumed
    from {{ ref('stg_study_parameters') }}
    where parameter = 'pue_assumed'

),

joined as (

    select
        changes.ticker,
        changes.valid_from_date,
        changes.valid_to_date,
        facts.hpc_delivered_mw,
        facts.hpc_delivered_basis,
        facts.hpc_delivered_date,
        facts.shares_outstanding,
        facts.shares_outstanding_date,
        facts.shares_known_date,
        facts.shares_quality_rank,
        facts.stated_market_cap_usd,
        facts.stated_market_cap_date,
        facts.cap_known_date,
        facts.cap_quality_rank,
        facts.net_debt_usd,
        facts.net_debt_date,
        facts.debt_known_date,
        facts.debt_quality_rank,
        facts.capex_ttm_usd,
        facts.capex_ttm_end_date,
        facts.capex_source,
        facts.capex_intensity,
        facts.capex_intensity_basis,
        facts.capex_intensity_end_date,
        facts.capex_intensity_source,
        facts.shares_source,
        spending.capex_announced_usd,
        contracts.hyperscaler_backed,
        facts.hpc_contracted_stated_mw,
        facts.hpc_contracted_stated_basis,
        facts.hpc_contracted_stated_value_basis,
        facts.hpc_contracted_stated_date,
        facts.hpc_contracted_stated_known_date,
        facts.gross_power_mw,
        facts.gross_power_basis,
        facts.gross_power_known_date,
        facts.hpc_revenue_share,
        facts.hpc_revenue_quarter_end_date,
        contracts.hpc_contracted_critical_it_mw,
        contracts.hpc_contracted_gross_mw,
        contracts.hpc_contracted_unknown_basis_mw,
        contracts.contracts_basis,
        contracts.contracts_mw,
        contracts.counterparty_hhi,
        contracts.top_counterparty,
        contracts.contract_value_usd,
        contracts.value_per_mw_year_usd,
        coalesce(contracts.n_contracts, 0) as n_contracts,
        coalesce(contracts.n_counterparties, 0) as n_counterparties,
        coalesce(
            contracts.newest_announced_date > facts.hpc_contracted_stated_date, false
        ) as has_contract_since_stated,
        coalesce(
            coverage.finding = 'none_found'
            and changes.valid_from_date <= coverage.searched_to_date
            and contracts.n_contracts is null,
            false
        ) as is_none_found,
        greatest(
            facts.newest_known_date,
            contracts.newest_known_date,
            spending.newest_known_date
        ) as span_known_date,
        greatest(
            facts.weakest_quality_rank,
            contracts.weakest_quality_rank,
            spending.weakest_quality_rank
        ) as span_weakest_quality_rank
    from changes
    left join facts
        on changes.span_number = facts.span_number
    left join contracts
        on changes.span_number = contracts.span_number
    left join spending
        on changes.span_number = spending.span_number
    left join coverage
        on changes.ticker = coverage.ticker

),

with_status as (

    select
        *,
        case
            when hpc_contracted_stated_mw is not null then 'stated'
            when contracts_mw is not null then 'contracts_summed'
            when is_none_found then 'none_found'
            else 'unknown'
        end as hpc_status
    from joined

),

with_headline as (

    select
        *,
        case hpc_status
            when 'stated' then hpc_contracted_stated_mw
            when 'contracts_summed' then contracts_mw
            when 'none_found' then 0
        end as hpc_contracted_mw,
        case hpc_status
            when 'stated' then hpc_contracted_stated_basis
            when 'contracts_summed' then contracts_basis
        end as hpc_contracted_basis
    from with_status

),

-- Like is compared with like: gross with gross, critical IT load through a stated PUE.
-- Megawatts of unknown basis have no share.
with_share_basis as (

    select
        with_headline.*,
        case
            when with_headline.gross_power_mw is null then null
            when with_headline.hpc_contracted_mw = 0 then 'none_contracted'
            when
                with_headline.hpc_contracted_basis = 'critical_it'
                and parameters.pue_assumed is not null then 'critical_it_times_pue'
            when with_headline.hpc_contracted_basis = 'gross' then 'gross'
        end as share_basis,
        parameters.pue_assumed as pue_parameter
    from with_headline
    cross join parameters

),

with_share as (

    select
        *,
        case when share_basis = 'critical_it_times_pue' then pue_parameter end as pue_assumed,
        case share_basis
            when 'none_contracted' then 0
            when 'critical_it_times_pue'
                then hpc_contracted_mw * pue_parameter / nullif(gross_power_mw, 0)
            when 'gross' then hpc_contracted_mw / nullif(gross_power_mw, 0)
        end as hpc_mw_share
    from with_share_basis

),

days as (

    select
        *,
        {{ each_date('valid_from_date', 'valid_to_date') }} as as_of_date
    from with_share

),

-- The market of a day is that of the last session up to it.
with_market as (

    select
        days.*,
        market.session_date as market_session_date,
        market.beta_ai_60d,
        market.beta_btc_60d,
        market.beta_ai_120d,
        market.beta_btc_120d,
        market.r2_120d,
        market.ai_tilt,
        market.bitcoin_factor_source,
        market.close_usd,
        case
            when
                market.close_usd is not null
                and {{ days_between('days.shares_outstanding_date', 'days.as_of_date') }}
                <= {{ var('exposure')['max_balance_age_days'] }}
                then 'shares_times_close'
            when
                {{ days_between('days.stated_market_cap_date', 'days.as_of_date') }}
                <= {{ var('exposure')['max_stated_market_cap_age_days'] }}
                then 'stated'
        end as market_cap_basis
    from days
    left join {{ ref('int_market_days') }} as market
        on
            days.ticker = market.ticker
            and days.as_of_date between market.valid_from_date and market.valid_to_date

),

with_cap as (

    select
        *,
        case market_cap_basis
            when 'shares_times_close' then shares_outstanding * close_usd
            when 'stated' then stated_market_cap_usd
        end as market_cap_usd,
        case market_cap_basis
            when 'shares_times_close' then market_session_date
            when 'stated' then stated_market_cap_date
        end as market_cap_date,
        case market_cap_basis
            when 'shares_times_close' then shares_known_date
            when 'stated' then cap_known_date
        end as market_cap_known_date,
        case market_cap_basis
            when 'shares_times_close' then shares_quality_rank
            when 'stated' then cap_quality_rank
        end as market_cap_quality_rank,
        case
            when
                {{ days_between('net_debt_date', 'as_of_date') }} <= {{ var('exposure')['max_balance_age_days'] }}
                then net_debt_usd
        end as fresh_net_debt_usd
    from with_market

),

-- Both parts run from 0 to 1. A share of contracted megawatts above the power that is there
-- (a contract for a site to come) counts as all of it; none contracted is none of any power.
with_parts as (

    select
        *,
        market_cap_usd + fresh_net_debt_usd as enterprise_value_usd,
        case
            when hpc_contracted_mw = 0 then 0
            when hpc_mw_share > 1 then 1
            else hpc_mw_share
        end as score_contracted_part,
        case
            when hpc_revenue_share > 1 then 1
            else hpc_revenue_share
        end as score_revenue_part,
        greatest(
            span_known_date,
            market_cap_known_date,
            case when market_cap_usd + fresh_net_debt_usd is not null then debt_known_date end
        ) as known_date,
        greatest(
            span_weakest_quality_rank,
            market_cap_quality_rank,
            case when market_cap_usd + fresh_net_debt_usd is not null then debt_quality_rank end
        ) as weakest_quality_rank
    from with_cap

),

-- The mean of the parts that are known. Without the contracted part there is no score: the
-- revenue of today alone would rank firms whose contracts are not known.
scored as (

    select
        *,
        case
            when score_contracted_part is null then null
            else
                (score_contracted_part + coalesce(score_revenue_part, 0))
                / (1 + cast(score_revenue_part is not null as integer))
        end as exposure_score,
        cast(score_contracted_part is not null as integer)
        + cast(score_revenue_part is not null as integer) as n_score_parts
    from with_parts

),

-- Equal scores share a rank, and no score has none.
ranked as (

    select
        *,
        case
            when exposure_score is not null
                then
                    rank() over (
                        partition by as_of_date
                        order by exposure_score desc nulls last, hpc_contracted_mw desc nulls last
                    )
        end as exposure_rank
    from scored

),

final as (

    select
        ticker,
        as_of_date,
        {{ end_of_day_new_york('known_date') }} as known_at,
        known_date,
        hpc_contracted_mw,
        hpc_contracted_basis,
        hpc_status,
        hpc_contracted_stated_mw,
        hpc_contracted_stated_basis,
        hpc_contracted_stated_value_basis,
        hpc_contracted_stated_date,
        hpc_contracted_stated_known_date,
        has_contract_since_stated,
        hpc_contracted_critical_it_mw,
        hpc_contracted_gross_mw,
        hpc_contracted_unknown_basis_mw,
        gross_power_mw,
        gross_power_basis,
        gross_power_known_date,
        hpc_mw_share,
        share_basis,
        pue_assumed,
        hpc_revenue_share,
        hpc_revenue_quarter_end_date,
        hpc_delivered_mw,
        hpc_delivered_basis,
        hpc_delivered_date,
        n_contracts,
        n_counterparties,
        top_counterparty,
        counterparty_hhi,
        case
            when n_contracts > 0 then hyperscaler_backed
            when hpc_status = 'none_found' then false
        end as hyperscaler_backed,
        contract_value_usd,
        value_per_mw_year_usd,
        capex_announced_usd,
        capex_ttm_usd,
        capex_ttm_end_date,
        capex_source,
        capex_intensity,
        capex_intensity_basis,
        capex_intensity_end_date,
        capex_intensity_source,
        market_cap_usd,
        market_cap_basis,
        market_cap_date,
        case when market_cap_basis = 'shares_times_close' then shares_outstanding end
            as shares_outstanding,
        case when market_cap_basis = 'shares_times_close' then shares_outstanding_date end
            as shares_outstanding_date,
        case when market_cap_basis = 'shares_times_close' then shares_source end as shares_source,
        market_cap_usd / nullif(gross_power_mw, 0) as market_cap_per_mw_usd,
        enterprise_value_usd,
        enterprise_value_usd / nullif(gross_power_mw, 0) as ev_per_mw_usd,
        market_session_date,
        beta_ai_60d,
        beta_ai_120d,
        beta_btc_60d,
        beta_btc_120d,
        r2_120d,
        ai_tilt,
        bitcoin_factor_source,
        score_contracted_part,
        score_revenue_part,
        cast(n_score_parts as integer) as n_score_parts,
        exposure_score,
        exposure_rank,
        cast(
            cast(hpc_contracted_mw is null as integer)
            + cast(gross_power_mw is null as integer)
            + cast(hpc_mw_share is null as integer)
            + cast(hpc_revenue_share is null as integer)
            + cast(capex_ttm_usd is null as integer)
            + cast(market_cap_usd is null as integer)
            + cast(enterprise_value_usd is null as integer)
            + cast(ai_tilt is null as integer)
            + cast(contract_value_usd is null and hpc_status <> 'none_found' as integer)
            + cast(hpc_delivered_mw is null and hpc_status <> 'none_found' as integer)
            as integer
        ) as n_fields_missing,
        {{ quality_grade_name('weakest_quality_rank') }} as weakest_source
    from ranked

)

select * from final
order by ticker asc, as_of_date asc
