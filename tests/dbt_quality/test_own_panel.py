"""A user's own small panel: no optional file, closes only, other tickers."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

import duckdb
import pytest

from dagster_project.settings import PROJECT_DIR
from tests.warehouse_builder import failures, load_all, run_dbt, settings_for


def _write(path: Path, header: str, rows: Iterable[Iterable[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header.split(","))
        writer.writerows(rows)


@pytest.fixture(scope="module")
def own_panel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built warehouse of a folder that holds only what a folder must hold."""
    folder = tmp_path_factory.mktemp("own_panel")
    with (PROJECT_DIR / "data" / "snapshot" / "equity_daily.csv").open(encoding="utf-8") as file:
        bars = [bar for bar in csv.DictReader(file) if bar["ticker"] in {"RIOT", "SPY"}]
    renamed = {"RIOT": "MINE", "SPY": "MKT"}
    _write(
        folder / "data" / "snapshot" / "equity_daily.csv",
        "ticker,session_date,close",
        ([renamed[bar["ticker"]], bar["session_date"], bar["close"]] for bar in bars),
    )
    _write(
        folder / "data" / "ledger" / "companies.csv",
        "ticker,name,role,is_focal",
        [("MINE", "A miner", "miner", 1), ("MKT", "A market", "benchmark", 0)],
    )
    _write(
        folder / "data" / "ledger" / "events.csv",
        "event_id,title,event_type,news_date,news_timing,source_url",
        [("news", "Some news", "macro", "2025-03-26", "unknown", "")],
    )
    _write(
        folder / "data" / "study" / "models.csv",
        "model_id,factors,is_headline,reason",
        [("market_model", "MKT", 1, "own market")],
    )
    _write(
        folder / "data" / "study" / "reconciliation.csv",
        "table_name,ticker,field,tolerance,reason,decided_date",
        [("equity_prices", "*", "close_usd", 0.02, "own", "2026-11-23")],
    )
    settings = settings_for(folder / "out", folder / "data")
    load_all(settings)
    # The sell-off chain on own panels is tested with its models; here are the other marts
    # and every data test that their tables allow.
    result = run_dbt(
        settings,
        [
            "build",
            "--select",
            "+fct_ai_exposure",
            "+fct_capex_announcements",
            "+fct_filing_candidates",
            "+int_quarterly_financials",
            "dim_hpc_contract",
            "fct_company_facts",
            "+fct_hyperscaler_capex",
            "+fct_mining_economics",
            "+fct_halving_effects",
            "+fct_miner_unit_economics",
            "+fct_scenario_cash_flows",
            "+fct_scenario_sensitivity",
            "+fct_rolling_betas",
            "+fct_abnormal_days",
            "+fct_source_reconciliation",
            "--indirect-selection",
            "buildable",
            "--exclude",
            "resource_type:unit_test",
        ],
    )
    assert result.success, "\n".join(failures(result))
    assert not [item.node.name for item in result.result if str(item.status) == "warn"]
    return settings.warehouse_path


def test_missing_files_give_empty_tables_and_unknown_exposure(own_panel: Path) -> None:
    with duckdb.connect(str(own_panel), read_only=True) as connection:
        for mart in (
            "intermediate.int_quarterly_financials",
            "marts.dim_hpc_contract",
            "marts.fct_abnormal_days",
            "marts.fct_capex_announcements",
            "marts.fct_company_facts",
            "marts.fct_filing_candidates",
            "marts.fct_halving_effects",
            "marts.fct_hyperscaler_capex",
            "marts.fct_miner_unit_economics",
            "marts.fct_mining_economics",
            "marts.fct_scenario_cash_flows",
            "marts.fct_source_reconciliation",
        ):
            count = connection.execute(f"select count(*) from {mart}").fetchone()
            assert count == (0,), mart
        rows = connection.execute(
            "select distinct ticker, hpc_status, hpc_contracted_mw, n_contracts, known_date, "
            "market_cap_usd, ai_tilt, exposure_score, exposure_rank, hyperscaler_backed, "
            "n_fields_missing from marts.fct_ai_exposure"
        ).fetchall()
    assert rows == [("MINE", "unknown", None, 0, None, None, None, None, None, None, 10)]


def test_without_a_basket_there_are_no_betas(own_panel: Path) -> None:
    with duckdb.connect(str(own_panel), read_only=True) as connection:
        rows = connection.execute(
            "select ticker, status, count(*) > 800, count(beta_ai), count(ai_tilt) "
            "from marts.fct_rolling_betas where n_sessions = 0 and factor_source is null "
            "group by all order by all"
        ).fetchall()
    # The first session has no return, so nothing can be said of a basket there.
    assert [row for row in rows if row[1] != "short_window"] == [
        (ticker, "no_basket", True, 0, 0) for ticker in ("MINE", "MKT")
    ]


def test_scenarios_of_the_project_say_that_his_capacity_is_missing(own_panel: Path) -> None:
    with duckdb.connect(str(own_panel), read_only=True) as connection:
        miners = connection.execute(
            "select distinct ticker, status, npv_usd, multiple_uplift_usd, market_cap_status, "
            "n_fields_missing from marts.fct_valuation_scenario"
        ).fetchall()
        universe = connection.execute(
            "select distinct n_miners, n_capacity_known, gross_power_mw, npv_usd, npv_per_mw_usd "
            "from marts.fct_scenario_universe"
        ).fetchall()
        valued = connection.execute(
            "select distinct assumption from marts.fct_scenario_sensitivity "
            "where npv_per_mw_usd is not null"
        ).fetchall()
    assert miners == [("MINE", "no_capacity", None, None, "missing", 3)]
    assert universe == [(1, 0, None, None, None)]
    # Without network figures only an assumed hashprice gives a value, and only per megawatt.
    assert valued == [("hashprice_usd_ph",)]
