{#-
  Written from the folder of marts by `make contracts`.

  Every mart, for tests over all of them: dbt must know at parse time what they wait for.
  `marts_are_documented` fails when a mart is missing here, so the list cannot go stale.
-#}
{% macro quality_marts() -%}
    {%- set portable = [
        'dim_company',
        'dim_event',
        'dim_hpc_contract',
        'dim_scenario_assumption',
        'dim_session',
        'dim_study',
        'fct_abnormal_days',
        'fct_ai_exposure',
        'fct_capex_announcements',
        'fct_company_facts',
        'fct_equity_daily',
        'fct_exposure_gradient',
        'fct_exposure_ranking',
        'fct_filing_candidates',
        'fct_halving_effects',
        'fct_hyperscaler_capex',
        'fct_miner_unit_economics',
        'fct_mining_economics',
        'fct_rolling_betas',
        'fct_scenario_cash_flows',
        'fct_scenario_sensitivity',
        'fct_scenario_universe',
        'fct_selloff_betas',
        'fct_selloff_daily',
        'fct_selloff_firm',
        'fct_selloff_path',
        'fct_selloff_tests',
        'fct_source_reconciliation',
        'fct_valuation_scenario',
        'selloff_summary',
        'selloff_verdicts',
    ] -%}
    {#- What stays on DuckDB (`meta.duckdb_only` says why) cannot be asked on another engine. -#}
    {%- set duckdb_only = [
        'fct_claim_checks',
        'fct_claim_evidence',
    ] -%}
    {{ return(portable + duckdb_only if target.type == 'duckdb' else portable) }}
{%- endmacro %}
