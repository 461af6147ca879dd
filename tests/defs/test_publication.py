"""The publication as Dagster shows it: one asset per place, each with a check of all places."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import duckdb
import pytest

from dagster_project.defs.publication import TARGETS_CHECK, publication_definitions
from dagster_project.secret import NO_SECRET, Secret
from dagster_project.settings import BUNDLED_DATA_DIR, Settings, prepare_output_folders
from dagster_project.warehouse import publish_files
from tests.postgres_server import PostgresServer
from tests.warehouse.conftest import MARTS, RESULTS

MINER_MARTS = dg.AssetKey(["publication", "miner_marts"])
POSTGRES = dg.AssetKey(["publication", "postgres"])


def _settings(folder: Path, url: Secret = NO_SECRET) -> Settings:
    """Settings over a small working file made by hand; its macros are none."""
    made = Settings(data_dir=BUNDLED_DATA_DIR, output_dir=folder, postgres_url=url)
    prepare_output_folders(made)
    with duckdb.connect(str(made.warehouse_path)) as connection:
        connection.execute(MARTS + RESULTS)
    return made


@pytest.fixture(autouse=True)
def _no_macros(monkeypatch: pytest.MonkeyPatch) -> None:
    # The project's own macros ask for the project's own marts.
    monkeypatch.setattr("dagster_project.defs.publication.read_table_macros", lambda _folder: ())


def _materialize(settings: Settings, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    definitions = publication_definitions(settings, [], None)
    return dg.materialize(list(definitions.assets or []), instance=instance, raise_on_error=False)


def _check(result: dg.ExecuteInProcessResult, key: dg.AssetKey) -> dg.AssetCheckEvaluation:
    (check,) = [c for c in result.get_asset_check_evaluations() if c.asset_key == key]
    assert check.check_name == TARGETS_CHECK
    return check


def test_files_are_read_back_and_compared_after_each_publication(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    with dg.DagsterInstance.ephemeral() as instance:
        result = _materialize(settings, instance)
    assert result.success
    check = _check(result, MINER_MARTS)
    assert check.passed
    assert check.description == "2 tables, 303 rows are the same in manifest, duckdb, parquet"
    rows = {
        record.data["table"]: record.data["parquet_rows"]
        for record in check.metadata["tables"].records
    }
    assert rows == {"dim_firm": 3, "fct_daily": 300}
    assert check.metadata["differences"].value == 0
    # Without a database named, there is no asset that could fail for it.
    assert result.get_asset_materialization_events()[0].asset_key == MINER_MARTS
    assert len(result.get_asset_materialization_events()) == 1


def test_a_form_that_differs_fails_the_check_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = _settings(tmp_path)
    real = publish_files.refresh_copies

    def spoiled(published_dir: Path) -> tuple[str, ...]:
        path = published_dir / "parquet" / "dim_firm.parquet"
        with duckdb.connect() as connection:
            connection.execute(
                f"COPY (SELECT * REPLACE (name || '!' AS name) FROM '{path}') "
                f"TO '{path}.other' (FORMAT parquet)"
            )
        Path(f"{path}.other").replace(path.resolve())
        return real(published_dir)

    monkeypatch.setattr(publish_files, "refresh_copies", spoiled)
    with dg.DagsterInstance.ephemeral() as instance:
        check = _check(_materialize(settings, instance), MINER_MARTS)
    assert not check.passed
    assert check.description == (
        "the published forms differ:\n- parquet, table dim_firm: other content in equal rows"
    )


@pytest.mark.slow
@pytest.mark.postgres
def test_postgres_follows_the_files_and_no_message_holds_the_password(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    url = Secret(postgres_server.url(postgres_server.new_database()))
    settings = _settings(tmp_path, url)
    with dg.DagsterInstance.ephemeral() as instance:
        result = _materialize(settings, instance)
        assert result.success
        check = _check(result, POSTGRES)
        assert check.passed
        assert check.description == (
            "2 tables, 303 rows are the same in manifest, duckdb, parquet, postgres"
        )
        (made,) = result.asset_materializations_for_node("publication__postgres")
        assert made.metadata["dagster/row_count"].value == 303
        assert made.metadata["unchanged"].value is False

        broken = Secret(url.reveal().replace(f":{postgres_server.port}/", ":1/"))
        failed = _materialize(_settings(tmp_path / "other", broken), instance)
        assert not failed.success
        (event,) = failed.filter_events(lambda event: event.is_step_failure)
        assert event.step_key == "publication__postgres"
        said = event.step_failure_data.user_failure_data.description
        assert "PostgreSQL refused" in said
        assert "make postgres" in said
        for run in (result, failed):
            logged = " ".join(str(entry) for entry in instance.all_logs(run.run_id))
            assert postgres_server.password not in logged
    assert postgres_server.password not in repr(settings)
