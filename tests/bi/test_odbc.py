"""What docs/bi-tools.md says of ODBC, done: PostgreSQL's driver on a reading role."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.bi import throwaway_postgres

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def postgres(published: Path) -> Iterator[throwaway_postgres.Postgres]:
    if throwaway_postgres.programs() is None:
        pytest.skip("no PostgreSQL server here (Debian: apt-get install postgresql)")
    if shutil.which("isql") is None or not list(Path("/usr/lib").glob("*/odbc/psqlodbcw.so")):
        pytest.skip("no ODBC here (Debian: apt-get install unixodbc odbc-postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="miner-postgres-"))
    try:
        with throwaway_postgres.running(folder) as server:
            throwaway_postgres.load_marts(server, published, only=("selloff_summary",))
            yield server
    finally:
        shutil.rmtree(folder)


def _isql(server: throwaway_postgres.Postgres, sql: str) -> tuple[list[str], str]:
    connection = (
        f"Driver=PostgreSQL Unicode;Server=127.0.0.1;Port={server.port};"
        f"Database={throwaway_postgres.DATABASE};UID={throwaway_postgres.READER};"
        f"PWD={server.password}"
    )
    done = subprocess.run(
        ["isql", "-k", connection, "-b", "-v", "-d|"],  # noqa: S607 - Debian's own
        input=f"{sql}\n",
        capture_output=True,
        text=True,
        check=False,
    )
    return [line for line in done.stdout.splitlines() if line.strip()], done.stdout + done.stderr


def test_odbc_reads_the_figures_of_the_published_file(
    postgres: throwaway_postgres.Postgres, published: Path
) -> None:
    sql = (
        "select ticker, raw_return, hpc_contracted_mw from marts.selloff_summary "
        "where event_id = 'msft-2gw-mar' and role = 'miner' and status = 'ok' order by ticker"
    )
    rows, said = _isql(postgres, sql)
    with duckdb.connect(str(published), read_only=True) as connection:
        expected = connection.execute(sql).fetchall()
    assert len(expected) > 5
    assert [row.split("|")[0] for row in rows] == [ticker for ticker, _, _ in expected], said
    for row, (_, raw_return, megawatts) in zip(rows, expected, strict=True):
        _, shown_return, shown_megawatts = row.split("|")
        assert float(shown_return) == pytest.approx(raw_return, rel=1e-12)
        assert (float(shown_megawatts) if shown_megawatts.strip() else None) == megawatts


@pytest.mark.parametrize(
    "statement",
    [
        "delete from marts.selloff_summary",
        "create table marts.mine (x int)",
        "create table public.mine (x int)",
        "select pg_read_file('PG_VERSION')",
    ],
)
def test_the_reading_role_reads_and_nothing_else(
    postgres: throwaway_postgres.Postgres, statement: str
) -> None:
    _, said = _isql(postgres, statement)
    assert "permission denied" in said
