"""Small working files made by hand, and processes to disturb them with."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import duckdb
import pytest

from dagster_project.contracts import BY_NAME, SOURCE_REF, Extract, Window, typed_frame
from dagster_project.settings import PROJECT_DIR
from dagster_project.warehouse.connection import warehouse
from dagster_project.warehouse.load import load
from dagster_project.warehouse.publish import PublicationReport, publish
from dagster_project.warehouse.publish_macros import TableMacro

NOON = datetime(2025, 3, 27, 12, 0, tzinfo=UTC)
RETRIEVED_AT = NOON.replace(tzinfo=None)

MARTS = """
CREATE SCHEMA IF NOT EXISTS marts;
CREATE TABLE marts.fct_daily (
    ticker VARCHAR NOT NULL,
    session_date DATE NOT NULL,
    daily_return DOUBLE,
    version INTEGER NOT NULL,
    PRIMARY KEY (ticker, session_date)
);
INSERT INTO marts.fct_daily
SELECT ticker, CAST(DATE '2025-01-01' + CAST(day AS INTEGER) AS DATE),
    CASE WHEN day = 0 THEN NULL ELSE sin(day) END, 1
FROM (VALUES ('RIOT'), ('CORZ'), ('MARA')) AS firms (ticker), range(100) AS days (day)
ORDER BY hash(ticker || day);
CREATE TABLE marts.dim_firm (
    ticker VARCHAR NOT NULL, name VARCHAR, listed_at TIMESTAMPTZ, share DECIMAL(9, 4),
    version INTEGER, PRIMARY KEY (ticker)
);
INSERT INTO marts.dim_firm VALUES
    ('CORZ', 'Core Scientific', TIMESTAMPTZ '2024-01-24 14:30:00+00', 0.25, 1),
    ('MARA', 'MARA, "Holdings"', NULL, NULL, 1),
    ('RIOT', NULL, NULL, 0.10, 1);
COMMENT ON TABLE marts.fct_daily IS 'One row per ticker and session; the firm''s return.';
COMMENT ON COLUMN marts.fct_daily.daily_return IS 'Close over previous close, minus 1.';
COMMENT ON TABLE marts.dim_firm IS 'One row per ticker.';
COMMENT ON COLUMN marts.dim_firm.ticker IS 'Symbol.';
CREATE SCHEMA IF NOT EXISTS raw;
CREATE TABLE raw.equity_prices (ticker VARCHAR, session_date DATE, close DOUBLE);
INSERT INTO raw.equity_prices VALUES
    ('CORZ', '2025-01-02', 1), ('CORZ', '2025-01-03', 1), ('MARA', '2025-01-03', 1);
"""

RESULTS = """
CREATE SCHEMA IF NOT EXISTS quality;
CREATE TABLE quality.node_results (
    unique_id VARCHAR, node_name VARCHAR, resource_type VARCHAR, status VARCHAR,
    failures BIGINT, severity VARCHAR, message VARCHAR, executed_at TIMESTAMP
);
INSERT INTO quality.node_results VALUES
    ('model.p.fct_daily', 'fct_daily', 'model', 'success', NULL, NULL, NULL, '2025-03-27 10:00'),
    ('model.p.dim_firm', 'dim_firm', 'model', 'success', NULL, NULL, NULL, '2025-03-27 10:00'),
    ('test.p.key', 'key', 'test', 'pass', 0, 'error', NULL, '2025-03-27 10:00'),
    ('test.p.sources_agree', 'sources_agree', 'test', 'warn', 1, 'warn', 'one day differs',
     '2025-03-27 10:00');
"""


@pytest.fixture(scope="session")
def working_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working file with two marts and good results; tests copy it."""
    path = tmp_path_factory.mktemp("template") / "working.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(MARTS + RESULTS)
    return path


class Publishing:
    """A working file and its published folder, with the arguments tests rarely change."""

    def __init__(self, folder: Path, template: Path) -> None:
        self.warehouse = folder / "warehouse" / "working.duckdb"
        self.warehouse.parent.mkdir(parents=True)
        shutil.copyfile(template, self.warehouse)
        self.published = folder / "published"
        self.database = self.published / "miner_marts.duckdb"
        self._hours = 0

    def change(self, statements: str) -> None:
        with duckdb.connect(str(self.warehouse)) as connection:
            connection.execute(statements)

    def next_version(self, version: int) -> None:
        self.change(
            f"UPDATE marts.fct_daily SET version = {version};"
            f"UPDATE marts.dim_firm SET version = {version};"
        )

    def run(
        self,
        *,
        revision: str = "abc",
        keep: int = 3,
        allow_smaller: bool = False,
        macros: tuple[TableMacro, ...] = (),
    ) -> PublicationReport:
        self._hours += 1
        return publish(
            self.warehouse,
            self.published,
            code_revision=revision,
            keep=keep,
            allow_smaller=allow_smaller,
            now=NOON + timedelta(hours=self._hours),
            macros=macros,
        )

    def query(self, sql: str) -> list[tuple]:
        """Ask the published file as a reader does: by its stable path, closed after use."""
        with duckdb.connect(str(self.database), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def versions(self) -> set[int]:
        """Versions a reader sees over every table and format; one when nothing is torn."""
        found = self.query(
            "SELECT DISTINCT version FROM marts.fct_daily "
            "UNION SELECT DISTINCT version FROM marts.dim_firm "
            f"UNION SELECT version FROM '{self.published}/parquet/fct_daily.parquet'"
        )
        return {version for (version,) in found}

    def building_folders(self) -> list[Path]:
        return list((self.published / "releases").glob(".building-*"))


@pytest.fixture
def publishing(tmp_path: Path, working_template: Path) -> Publishing:
    return Publishing(tmp_path, working_template)


class Programs:
    """Runs Python source in processes of their own, as programs beside this one.

    Importing DuckDB and pandas takes seconds; one process imports them once and forks a
    fresh child for every program, before any connection or thread exists in it.
    """

    _SOURCE = """
import json, os, signal, sys, traceback
import dagster_project.warehouse.load, dagster_project.warehouse.publish
for line in sys.stdin:
    job = json.loads(line)
    child = os.fork()
    if child:
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        continue
    code = 0
    try:
        signal.alarm(60)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(os.open(job["stdout"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
        os.dup2(os.open(job["stderr"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
        sys.argv = ["program", *job["arguments"]]
        exec(compile(job["source"], "program", "exec"), {"__name__": "__main__"})
    except SystemExit as ended:
        code = ended.code or 0
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
"""

    def __init__(self, folder: Path) -> None:
        self._stdout, self._stderr = folder / "stdout", folder / "stderr"
        self._process = subprocess.Popen(
            [sys.executable, "-c", self._SOURCE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=PROJECT_DIR,
            env={**os.environ, "PYTHONPATH": str(PROJECT_DIR)},
        )

    def run(self, source: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        assert self._process.stdin
        assert self._process.stdout
        job = {
            "source": source,
            "arguments": [str(argument) for argument in arguments],
            "stdout": str(self._stdout),
            "stderr": str(self._stderr),
        }
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline())
        return subprocess.CompletedProcess(
            source, code, self._stdout.read_text(), self._stderr.read_text()
        )

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Programs]:
    started = Programs(tmp_path_factory.mktemp("programs"))
    yield started
    started.close()


@pytest.fixture
def run_script(programs: Programs) -> Callable[..., subprocess.CompletedProcess[str]]:
    return programs.run


class Holder:
    """Another process that keeps a DuckDB file open until the block ends."""

    _SOURCE = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == 'read'); "
        "print('open', flush=True); sys.stdin.read()"
    )

    def __init__(self, path: Path, mode: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", self._SOURCE, str(path), mode],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.pid = self._process.pid

    def __enter__(self) -> Holder:
        assert self._process.stdout
        assert self._process.stdout.readline() == b"open\n"
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def held_open() -> type[Holder]:
    return Holder


@pytest.fixture
def make_publishing(working_template: Path) -> Callable[[Path], Publishing]:
    return lambda folder: Publishing(folder, working_template)


# --- loading ---------------------------------------------------------------------------

# Weekdays stand in for sessions: the loader knows only what raw.exchange_sessions says.
DAYS = [
    day for offset in range(280) if (day := date(2025, 1, 1) + timedelta(days=offset)).weekday() < 5
]


def make_extract(
    table: str,
    rows: list[dict],
    *,
    window: Window | None = None,
    complete: bool = True,
    retrieved_at: datetime = RETRIEVED_AT,
) -> Extract:
    """An extract as a source would answer it; rows name only the columns they have."""
    contract = BY_NAME[table]
    names = {name for row in rows for name in row} | set(contract.column_names)
    columns: dict[str, list] = {name: [row.get(name) for row in rows] for name in sorted(names)}
    columns[SOURCE_REF] = [f"{contract.file}, line {line}" for line in range(2, len(rows) + 2)]
    return Extract(
        table=table,
        frame=typed_frame(contract, columns),
        source="test",
        origin=f"/folder/{contract.file}",
        retrieved_at=retrieved_at,
        window=window,
        complete=complete,
    )


def make_prices(ticker: str = "AAA", count: int = 200, **changes: object) -> list[dict]:
    """Daily closes of one ticker, rising by a cent; ``changes`` go into the first row."""
    rows: list[dict] = [
        {"ticker": ticker, "session_date": day, "close": 10 + n / 100}
        for n, day in enumerate(DAYS[:count])
    ]
    rows[0] |= changes
    return rows


class Loading:
    """A working file and the few ways tests look at it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self, table: str, rows: list[dict], *, allow_smaller: bool = False, **how):
        with warehouse(self.path) as connection:
            return load(connection, make_extract(table, rows, **how), allow_smaller=allow_smaller)

    def query(self, sql: str) -> list[tuple]:
        with warehouse(self.path, read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def rows(self, table: str = "equity_prices") -> list[tuple]:
        """Every stored row with its provenance, batch and all."""
        return self.query(f"FROM raw.{table} ORDER BY ALL")

    def values(self, table: str = "equity_prices") -> list[tuple]:
        """Every stored row without what differs between two loads of the same figures."""
        return self.query(
            f"SELECT * EXCLUDE (batch_id, retrieved_at) FROM raw.{table} ORDER BY ALL"
        )


def load_parents(connection: duckdb.DuckDBPyConnection) -> None:
    """The three companies and the sessions that prices refer to."""
    companies = [
        {"ticker": ticker, "name": ticker, "role": "miner", "is_focal": True}
        for ticker in ("AAA", "BBB", "CCC")
    ]
    sessions = [
        {
            "session_date": day,
            "opens_at": datetime.combine(day, time(14, 30)),
            "closes_at": datetime.combine(day, time(21)),
            "is_early_close": False,
        }
        for day in DAYS
    ]
    load(connection, make_extract("companies", companies))
    load(connection, make_extract("exchange_sessions", sessions))


@pytest.fixture(scope="session")
def loading_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working file with companies and sessions; tests copy it."""
    path = tmp_path_factory.mktemp("loading") / "working.duckdb"
    with warehouse(path) as connection:
        load_parents(connection)
    return path


@pytest.fixture(scope="session")
def in_memory_warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    """The same without a file, for tests that load very often."""
    with duckdb.connect() as connection:
        load_parents(connection)
        yield connection


@pytest.fixture(scope="session")
def extract_of() -> Callable[..., Extract]:
    return make_extract


@pytest.fixture
def loading(tmp_path: Path, loading_template: Path) -> Loading:
    shutil.copyfile(loading_template, tmp_path / "working.duckdb")
    return Loading(tmp_path / "working.duckdb")


@pytest.fixture(scope="session")
def prices() -> Callable[..., list[dict]]:
    return make_prices
