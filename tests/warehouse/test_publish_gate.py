"""Marts that are not fit, or that cover less than the published ones, never reach readers."""

from __future__ import annotations

import duckdb
import pytest

from dagster_project.errors import PublicationRefused, WarehouseProjectError
from dagster_project.warehouse.publish_gate import check_gate
from dagster_project.warehouse.publish_marts import Mart, MartColumn


def refusal(publishing, **arguments) -> PublicationRefused:
    with pytest.raises(PublicationRefused) as refused:
        publishing.run(**arguments)
    return refused.value


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (
            "DROP TABLE quality.node_results",
            "the results of the last build (quality.node_results) cannot be read",
        ),
        ("DROP SCHEMA quality CASCADE", "(quality.node_results) cannot be read"),
        ("DELETE FROM quality.node_results", "quality.node_results is empty"),
        (
            "DELETE FROM quality.node_results WHERE resource_type = 'test'",
            "no check of the data was run",
        ),
        (
            "UPDATE quality.node_results SET status = 'error', message = 'Binder Error:\n no x' "
            "WHERE node_name = 'dim_firm'",
            "model dim_firm: error (Binder Error: no x)",
        ),
        (
            "UPDATE quality.node_results SET status = 'skipped' WHERE node_name = 'fct_daily'",
            "model fct_daily: skipped",
        ),
        (
            "UPDATE quality.node_results SET status = 'fail', message = 'Got 3 results' "
            "WHERE node_name = 'key'",
            "test key: fail (Got 3 results)",
        ),
        (
            "UPDATE quality.node_results SET status = 'error' WHERE node_name = 'key'",
            "test key: error",
        ),
        (
            "UPDATE quality.node_results SET status = 'skipped' WHERE node_name = 'key'",
            "test key: skipped",
        ),
        (
            "INSERT INTO quality.node_results VALUES ('test.p.key', 'key', 'test', 'fail', 1, "
            "'error', NULL, '2025-03-27 11:00')",
            "test key: fail",
        ),
        (
            "INSERT INTO quality.node_results VALUES ('operation.p.hook', 'hook', 'operation', "
            "'error', NULL, NULL, NULL, '2025-03-27 11:00')",
            "operation hook: error",
        ),
        (
            "DELETE FROM quality.node_results WHERE node_name = 'dim_firm'",
            "table dim_firm: no model made it; it is left over",
        ),
        ("DROP SCHEMA marts CASCADE", "schema marts has no table"),
        ("CREATE VIEW marts.latest AS SELECT 1 AS x", "latest is a view"),
        (
            "CREATE TABLE marts.keyless (x INTEGER); INSERT INTO quality.node_results VALUES "
            "('model.p.k', 'keyless', 'model', 'success', NULL, NULL, NULL, '2025-03-27 11:00')",
            "table keyless: no primary key is declared",
        ),
        (
            "UPDATE marts.fct_daily SET daily_return = 'nan' WHERE ticker = 'RIOT'",
            "table fct_daily, column daily_return: 100 values are infinite or not a number",
        ),
        (
            "UPDATE marts.fct_daily SET daily_return = '-inf' WHERE session_date = '2025-01-05'",
            "table fct_daily, column daily_return: 3 values are infinite or not a number",
        ),
        (
            "ALTER TABLE marts.dim_firm ADD COLUMN betas DOUBLE[]; "
            "UPDATE marts.dim_firm SET betas = [1.0, NULL, 'nan'::DOUBLE] WHERE ticker = 'RIOT'",
            "table dim_firm, column betas: 1 values are infinite or not a number",
        ),
    ],
)
def test_unfit_marts_are_refused_even_when_publication_runs_alone(publishing, statement, expected):
    publishing.change(statement)
    error = refusal(publishing, allow_smaller=True)
    assert expected in error.where
    assert error.mend
    assert not publishing.database.exists()


def test_a_later_good_result_clears_an_earlier_bad_one(publishing):
    publishing.change(
        "INSERT INTO quality.node_results VALUES ('test.p.key', 'key', 'test', 'fail', 1, "
        "'error', NULL, '2025-03-27 09:00')"
    )
    assert not publishing.run().unchanged


def test_all_reasons_are_reported_at_once(publishing):
    publishing.change(
        "UPDATE quality.node_results SET status = 'fail' WHERE node_name = 'key';"
        "UPDATE quality.node_results SET status = 'error' WHERE node_name = 'dim_firm';"
        "UPDATE marts.fct_daily SET daily_return = 'inf' WHERE ticker = 'RIOT';"
        "CREATE VIEW marts.latest AS SELECT 1 AS x;"
    )
    error = refusal(publishing)
    assert "4 reasons" in error.what
    assert "readers keep the previous publication" in error.what
    for reason in ("test key", "model dim_firm", "column daily_return", "latest is a view"):
        assert reason in error.where


def test_keys_are_checked_though_the_file_declares_them():
    """DuckDB enforces a declared key; a file written by another tool may only claim one."""
    mart = Mart(
        "claims",
        "",
        (MartColumn("a", "INTEGER", "", False), MartColumn("b", "INTEGER", "", False)),
        ("a", "b"),
    )
    with duckdb.connect() as connection:
        connection.execute(
            "ATTACH ':memory:' AS working; CREATE SCHEMA working.marts; "
            "CREATE TABLE working.marts.claims AS "
            "FROM (VALUES (1, 1), (1, 1), (1, 2), (NULL, 2)) AS rows (a, b)"
        )
        with pytest.raises(PublicationRefused) as refused:
            check_gate(connection, "working", (mart,), previous=None, allow_smaller=False)
    assert "table claims: primary key (a, b) is NULL in 1 rows" in refused.value.where
    assert "table claims: primary key (a, b) repeats in 1 rows" in refused.value.where


SMALLER = [
    ("DROP TABLE marts.dim_firm", ["table dim_firm is gone"]),
    (
        "ALTER TABLE marts.fct_daily DROP COLUMN daily_return",
        ["table fct_daily: column daily_return is gone"],
    ),
    (
        "DELETE FROM marts.fct_daily WHERE ticker = 'MARA'",
        [
            "table fct_daily: ticker MARA is gone",
            "table fct_daily: 200 rows where 300 are published",
        ],
    ),
    (
        "DELETE FROM marts.fct_daily WHERE session_date = '2025-01-01'",
        ["fct_daily: session_date starts 2025-01-02, published from 2025-01-01"],
    ),
    (
        "DELETE FROM marts.fct_daily WHERE session_date = '2025-04-10'",
        ["fct_daily: session_date ends 2025-04-09, published to 2025-04-10"],
    ),
    (
        "DELETE FROM marts.fct_daily WHERE session_date BETWEEN '2025-02-01' AND '2025-02-02' "
        "AND ticker <> 'MARA'",
        ["table fct_daily: 296 rows where 300 are published"],
    ),
    (
        "DELETE FROM marts.fct_daily",
        [
            "table fct_daily: 0 rows where 300 are published",
            "ticker CORZ, MARA, RIOT is gone",
            "session_date starts nowhere",
            "session_date ends nowhere",
        ],
    ),
]


@pytest.mark.parametrize(("statement", "expected"), SMALLER)
def test_covering_less_is_refused_unless_told_to(publishing, statement, expected):
    before = publishing.run()
    publishing.change(statement)

    error = refusal(publishing)
    for reason in expected:
        assert reason in error.where
    assert "MINER_ALLOW_SMALLER=1" in error.mend
    assert publishing.query("SELECT count(*) FROM marts.fct_daily") == [(300,)]

    after = publishing.run(allow_smaller=True)
    assert after.replaced == before.publication_id


def test_the_state_of_one_day_may_move_on_but_not_back(publishing):
    publishing.change("DELETE FROM marts.fct_daily WHERE session_date <> '2025-02-01'")
    publishing.run()
    publishing.change("UPDATE marts.fct_daily SET session_date = '2025-02-02'")
    assert not publishing.run().unchanged
    publishing.change("UPDATE marts.fct_daily SET session_date = '2025-01-31'")
    assert "session_date ends 2025-01-31, published to 2025-02-02" in refusal(publishing).where


def test_a_corrected_row_may_go(publishing):
    publishing.run()
    publishing.change(
        "DELETE FROM marts.fct_daily WHERE session_date = '2025-02-01' AND ticker <> 'MARA'"
    )
    assert not publishing.run().unchanged


def test_coverage_is_held_against_what_is_published_after_a_rollback(publishing):
    from dagster_project.warehouse.publish import rollback

    publishing.run()
    publishing.change("INSERT INTO marts.fct_daily VALUES ('WULF', '2025-01-01', 0, 1)")
    publishing.run()
    rollback(publishing.published)
    publishing.change("DELETE FROM marts.fct_daily WHERE ticker = 'WULF'")
    assert publishing.run().unchanged


def test_a_damaged_manifest_hides_nothing(publishing):
    publishing.run()
    (publishing.published / "current" / "manifest.json").write_text("{", encoding="utf-8")
    error = refusal(publishing)
    assert "manifest of the present publication is missing or damaged" in error.what
    assert not publishing.run(allow_smaller=True).unchanged


def test_a_file_that_is_no_database_is_named(publishing):
    publishing.run()
    publishing.warehouse.write_bytes(b"not a database at all" * 1000)
    with pytest.raises(WarehouseProjectError, match="cannot be opened") as error:
        publishing.run()
    assert error.value.where == str(publishing.warehouse)
    assert "make run" in error.value.mend
    assert publishing.versions() == {1}


@pytest.mark.parametrize("name", ["publication", "publication_tables"])
def test_a_mart_named_like_a_table_of_the_publication_is_refused(publishing, name):
    publishing.change(f"CREATE TABLE marts.{name} (x INTEGER PRIMARY KEY)")
    error = refusal(publishing)
    assert f"table {name}: the publication has a table of that name" in error.where
    assert "rename the model" in error.mend
