"""Materializing raw assets: partitions, metadata, and failures a person can read."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from dagster_project.contracts import BY_NAME
from dagster_project.defs import common
from dagster_project.defs.extraction import (
    Figures,
    FiguresFrom,
    extraction_definitions,
    monthly_partitions,
)
from dagster_project.errors import SourceError
from dagster_project.settings import Settings, prepare_output_folders, read_settings
from dagster_project.sources import require_figures

HOLD = """
import duckdb, sys, time
connection = duckdb.connect(sys.argv[1])
print("held", flush=True)
time.sleep(120)
"""

COMPANIES = ["companies", "exchange_sessions"]


def _settings(folder: Path, tmp_path: Path) -> Settings:
    made = read_settings(
        {"MINER_DATA_DIR": str(folder), "MINER_OUTPUT_DIR": str(tmp_path / "output")}
    )
    prepare_output_folders(made)
    return made


def _materialize(
    settings: Settings, names: Sequence[str], **options: object
) -> dg.ExecuteInProcessResult:
    definitions = extraction_definitions(settings, monthly_partitions(settings))
    assets = [asset for asset in definitions.assets or [] if isinstance(asset, dg.AssetsDefinition)]
    return dg.materialize(
        assets,
        selection=[dg.AssetKey(["raw", name]) for name in names],
        raise_on_error=False,
        resources=dict(definitions.resources or {}),
        **options,
    )


def _count(settings: Settings, table: str) -> int:
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as connection:
        row = connection.execute(f"select count(*) from raw.{table}").fetchone()
    assert row is not None
    return row[0]


def _metadata(result: dg.ExecuteInProcessResult, table: str) -> dict[str, object]:
    (made, *_) = list(result.asset_materializations_for_node(f"raw__{table}"))
    return {name: value.value for name, value in made.metadata.items()}


def test_one_month_loads_that_month_only(tmp_path: Path, settings: Settings) -> None:
    own = _settings(settings.data_dir, tmp_path)
    assert _materialize(own, COMPANIES).success
    result = _materialize(own, ["btc_prices"], partition_key="2024-02-01")
    assert result.success
    assert _count(own, "btc_prices") == 29
    assert _metadata(result, "btc_prices")["window"] == "2024-02-01..2024-02-29"


def test_a_range_is_one_run_and_a_repeat_changes_nothing(
    tmp_path: Path, settings: Settings
) -> None:
    own = _settings(settings.data_dir, tmp_path)
    span = {
        "dagster/asset_partition_range_start": "2024-01-01",
        "dagster/asset_partition_range_end": "2024-03-01",
    }
    assert _materialize(own, COMPANIES).success
    first = _materialize(own, ["equity_prices"], tags=span)
    assert first.success
    # The calendar has no months: a range asked for must not cut it short.
    assert _materialize(own, ["exchange_sessions"], tags=span).success
    assert _count(own, "exchange_sessions") > 1000
    facts = _metadata(first, "equity_prices")
    assert facts["rows_new"] == _count(own, "equity_prices") > 1000
    again = _metadata(_materialize(own, ["equity_prices"], tags=span), "equity_prices")
    assert (again["rows_new"], again["rows_revised"], again["rows_removed"]) == (0, 0, 0)
    assert again["dagster/row_count"] == facts["rows_new"]


def test_a_folder_with_closes_only_loads(tmp_path: Path, user_folder: Path) -> None:
    own = _settings(user_folder, tmp_path)
    names = [*COMPANIES, "market_events", "study_windows", "study_models"]
    assert _materialize(own, names).success
    assert _materialize(own, ["equity_prices"], partition_key="2024-03-01").success
    assert _count(own, "equity_prices") == 4
    assert _count(own, "market_events") == 1
    # The project's own study definitions stand in for the absent study/ folder.
    assert _count(own, "study_windows") == 5


def test_missing_optional_file_gives_an_empty_table(tmp_path: Path, user_folder: Path) -> None:
    own = _settings(user_folder, tmp_path)
    result = _materialize(own, [*COMPANIES, "press_claims"])
    assert result.success
    assert _count(own, "press_claims") == 0
    assert "press_claims stays empty" in str(_metadata(result, "press_claims")["notes"])


def test_malformed_file_fails_with_file_line_column_and_reason(
    tmp_path: Path, user_folder: Path
) -> None:
    own = _settings(user_folder, tmp_path)
    assert _materialize(own, COMPANIES).success
    path = user_folder / "ledger" / "events.csv"
    path.write_text(path.read_text().replace("2024-03-05,in", "5 March,in"))
    result = _materialize(own, ["market_events"])
    assert not result.success
    (failed,) = result.filter_events(lambda event: event.is_step_failure)
    said = failed.step_failure_data.user_failure_data.description
    assert str(path) in said
    assert "line 2" in said
    assert "news_date" in said
    assert "'5 March' is not a date written YYYY-MM-DD" in said


def test_unknown_ticker_in_an_event_is_refused(tmp_path: Path, user_folder: Path) -> None:
    own = _settings(user_folder, tmp_path)
    assert _materialize(own, COMPANIES).success
    path = user_folder / "ledger" / "events.csv"
    path.write_text(
        "event_id,title,event_type,news_date,news_timing,source_url,tickers_named\n"
        "news,Something happened,demand_shock_negative,2024-03-05,in_session,,AAA; ZZZ\n"
    )
    result = _materialize(own, ["market_events"])
    (failed,) = result.filter_events(lambda event: event.is_step_failure)
    said = failed.step_failure_data.user_failure_data.description
    assert "ledger/events.csv, line 2, column tickers_named: value ZZZ is not in companies" in said


def test_rejected_rows_warn_and_the_rest_loads(
    tmp_path: Path, settings: Settings, user_folder: Path
) -> None:
    folder = user_folder
    bundled = (settings.data_dir / "snapshot" / "btc_daily.csv").read_text().splitlines()
    cells = bundled[40].split(",")
    cells[4] = "-1"
    (folder / "snapshot" / "btc_daily.csv").write_text(
        "\n".join([*bundled[:40], ",".join(cells), *bundled[41:]]) + "\n"
    )
    own = _settings(folder, tmp_path)
    result = _materialize(own, ["btc_prices"], partition_key="2024-02-01")
    assert not result.success  # 1 row of 29 is above the accepted share for one month
    span = {
        "dagster/asset_partition_range_start": "2024-01-01",
        "dagster/asset_partition_range_end": "2025-08-01",
    }
    result = _materialize(own, ["btc_prices"], tags=span)
    assert result.success
    checks = {each.check_name: each for each in result.get_asset_check_evaluations()}
    check = checks.pop("no_rejected_rows")
    assert {name: each.passed for name, each in checks.items()} == {
        "every_symbol_answered": True,
        "figures_are_fresh": True,
    }
    assert not check.passed
    assert check.severity is dg.AssetCheckSeverity.WARN
    assert "snapshot/btc_daily.csv, line 41, column close: value -1.0 is not above 0" in (
        check.description or ""
    )
    assert _count(own, "btc_prices") == len(bundled) - 2


def test_a_month_states_its_own_rows(tmp_path: Path, settings: Settings) -> None:
    own = _settings(settings.data_dir, tmp_path)
    span = {
        "dagster/asset_partition_range_start": "2024-01-01",
        "dagster/asset_partition_range_end": "2024-02-01",
    }
    result = _materialize(own, ["btc_prices"], tags=span)
    rows = {
        made.partition: made.metadata["dagster/partition_row_count"].value
        for made in result.asset_materializations_for_node("raw__btc_prices")
    }
    assert rows == {"2024-01-01": 31, "2024-02-01": 29}


def test_a_bad_cell_of_another_month_says_why_it_stops_this_one(
    tmp_path: Path, user_folder: Path, settings: Settings
) -> None:
    lines = (settings.data_dir / "snapshot" / "btc_daily.csv").read_text().splitlines()
    lines[3] = lines[3].replace("2024-", "2O24-", 1)
    (user_folder / "snapshot" / "btc_daily.csv").write_text("\n".join(lines) + "\n")
    own = _settings(user_folder, tmp_path)
    said, _ = _failure(_materialize(own, ["btc_prices"], partition_key="2024-03-01"))
    assert "line 4" in said
    assert "snapshot/btc_daily.csv is read as one before its months are taken" in said


def _failure(result: dg.ExecuteInProcessResult) -> tuple[str, int]:
    """Words of the one step that failed, and how often it was tried again."""
    assert not result.success
    (failed,) = result.filter_events(lambda event: event.is_step_failure)
    retries = len(result.filter_events(lambda event: event.is_step_up_for_retry))
    return failed.step_failure_data.user_failure_data.description, retries


def test_the_source_is_chosen_from_a_list() -> None:
    @dg.job(resource_defs={"figures": Figures()})
    def asks() -> None: ...

    def why(source: str) -> str:
        config = {"resources": {"figures": {"config": {"source": source}}}}
        return str(dg.validate_run_config(asks, config))

    for mode in FiguresFrom:
        assert why(mode.name)
    with pytest.raises(dg.DagsterInvalidConfigError, match="crystal_ball"):
        why("crystal_ball")


def test_a_bad_file_is_not_tried_again(tmp_path: Path, user_folder: Path) -> None:
    (user_folder / "ledger" / "companies.csv").write_text("ticker,name\nAAA\n")
    said, retries = _failure(_materialize(_settings(user_folder, tmp_path), ["companies"]))
    assert "companies.csv" in said
    assert retries == 0


def test_a_held_working_file_is_tried_again_and_then_names_who_holds_it(
    tmp_path: Path, user_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = _settings(user_folder, tmp_path)
    assert _materialize(own, COMPANIES).success
    monkeypatch.setattr(common, "LOCK_RETRY_SECONDS", 0.1)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(own.warehouse_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        said, retries = _failure(_materialize(own, ["companies"]))
    finally:
        holder.kill()
        holder.wait()
    assert retries == common.LOCK_RETRIES
    assert str(holder.pid) in said
    assert "holds the working file" in said.splitlines()[0]
    assert _materialize(own, ["companies"]).success


def test_a_replay_of_nothing_fails(tmp_path: Path, settings: Settings) -> None:
    own = replace(_settings(settings.data_dir, tmp_path), source_mode="replay")
    with pytest.raises(SourceError, match="nothing to replay"):
        require_figures(own)
    today = monthly_partitions(own).get_last_partition_key()
    said, retries = _failure(_materialize(own, ["btc_prices"], partition_key=today))
    assert str(own.archive_dir) in said
    assert retries == 0
    require_figures(replace(own, source_mode="bundled"))


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_assets_wait_for_the_tables_they_refer_to(name: str, graph: dg.AssetGraph) -> None:
    parents = {key.path[1] for key in graph.get(dg.AssetKey(["raw", name])).parent_keys}
    assert parents == set(BY_NAME[name].referenced_tables)
