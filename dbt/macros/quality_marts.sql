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
        'fct_capex_announcements',
        'fct_company_facts',
        'fct_equity_daily',
        'fct_filing_candidates',
        'fct_halving_effects',
        'fct_hyperscaler_capex',
        'fct_miner_unit_economics',
        'fct_mining_economics',
        'fct_source_reconciliation',
    ] -%}
    {#- What stays on DuckDB cannot be read on another engine: models with the tag (`meta` says
        why) and what is built on them. -#}
    {%- set duckdb_only = [
        'fct_abnormal_days',
        'fct_ai_exposure',
        'fct_claim_checks',
        'fct_claim_evidence',
        'fct_exposure_gradient',
        'fct_exposure_ranking',
        'fct_rolling_betas',
        'fct_scenario_cash_flows',
        'fct_scenario_sensitivity',
        'fct_scenario_universe',
        'fct_selloff_betas',
        'fct_selloff_daily',
        'fct_selloff_firm',
        'fct_selloff_path',
        'fct_selloff_tests',
        'fct_valuation_scenario',
        'selloff_summary',
        'selloff_verdicts',
    ] -%}
    {{ return(portable + duckdb_only if target.type == 'duckdb' else portable) }}
{%- endmacro %}
