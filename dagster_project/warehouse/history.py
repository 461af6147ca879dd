"""What no source can give back, kept as Parquet beside the working file, and restored from there.

DuckDB rewrites blocks of metadata in place. A process that is killed, or a machine that loses
power, in the middle of such a write leaves a file that can no longer be opened. Marts come back
from the raw tables; stored values, revisions, rejected rows and the log of loads are in that file
alone. After each load of a table they are written to::

    <working file>.history/<table>/record.json                names the files of one state
    <working file>.history/<table>/<part>.<load>.parquet      rows, batches, revisions,
                                                              rejected_rows

``record.json`` is replaced last and atomically, so that the parts of a table are always of one
state. A part that has not changed keeps its file.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.contracts import BY_NAME, TABLES, Table
from dagster_project.warehouse.ddl import (
    INGEST_SCHEMA,
    ensure_schema,
    literal,
    quoted,
    raw_name,
)
from dagster_project.warehouse.session import connect

_LOG = logging.getLogger(__name__)

RECORD = "record.json"
ROWS = "rows"
# Tables of schema ingest, and the column that names the load which wrote a row.
_LOGS = {"batches": "batch_id", "revisions": "new_batch_id", "rejected_rows": "batch_id"}


def history_of(path: Path) -> Path:
    """The folder with the history of a working file."""
    return path.with_name(f"{path.stem}.history")


def _stamp() -> str:
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One process at a time keeps or restores the history of a working file."""
    folder = history_of(path)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _digest(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


# --- keeping ------------------------------------------------------------------------------


def _state(connection: duckdb.DuckDBPyConnection, table: Table) -> dict[str, Any] | None:
    """What tells one state of a table's history from another; None before its first load.

    Loads alone change a raw table, so its rows are those after the last load that changed any.
    """
    batches = connection.execute(
        "SELECT count(*), arg_max(batch_id, loaded_at), "
        "count(*) FILTER (WHERE rows_inserted + rows_updated + rows_removed > 0) "
        f"FROM {INGEST_SCHEMA}.batches WHERE table_name = ?",
        [table.name],
    ).fetchone()
    assert batches is not None
    count, last, changing = batches
    if not count:
        return None
    logged = {
        name: connection.execute(
            f"SELECT count(*) FROM {INGEST_SCHEMA}.{name} WHERE table_name = ?", [table.name]
        ).fetchall()[0][0]
        for name in ("revisions", "rejected_rows")
    }
    return {"batches": count, "last_batch": last, ROWS: changing, **logged}


def _read_record(folder: Path) -> dict[str, Any] | None:
    """The record of a table; None where there is none. Raises ValueError where it is damaged."""
    try:
        record: Any = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ValueError(str(error)) from error
    files = record.get("files") if isinstance(record, dict) else None
    state = record.get("state") if isinstance(record, dict) else None
    if not isinstance(files, dict) or files.keys() != {ROWS, *_LOGS} or not isinstance(state, dict):
        raise ValueError("it does not name the parts of a history")
    for part, file in files.items():
        if not isinstance(file, dict) or set(file) != {"name", "sha256"} or part not in state:
            raise ValueError(f"it does not describe {part}")
        name = file["name"]
        if not isinstance(name, str) or Path(name).name != name:
            raise ValueError(f"{part} is outside the folder")
    if "last_batch" not in state:
        raise ValueError("it does not name its last load")
    return dict(record)


def _faults(folder: Path, record: dict[str, Any], *parts: str) -> list[str]:
    """What is wrong with the files of ``parts`` (default: all)."""
    faults = []
    for part in parts or record["files"]:
        file = record["files"][part]
        path = folder / file["name"]
        try:
            if _digest(path) != file["sha256"]:
                faults.append(f"{path.name} is damaged")
        except OSError as error:
            faults.append(f"{path.name}: {error.strerror or error}")
    return faults


def _part_sql(table: Table, part: str) -> str:
    if part == ROWS:
        return f"SELECT * FROM {raw_name(table)}"
    return (
        f"SELECT * FROM {INGEST_SCHEMA}.{part} WHERE table_name = {literal(table.name)} "
        "ORDER BY rowid"
    )


def _write_record(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    folder: Path,
    state: dict[str, Any],
    before: dict[str, Any] | None,
) -> None:
    folder.mkdir(exist_ok=True)
    files = {}
    for part in (ROWS, *_LOGS):
        if before and before["state"][part] == state[part] and not _faults(folder, before, part):
            files[part] = before["files"][part]
            continue
        path = folder / f"{part}.{state['last_batch']}.parquet"
        connection.execute(
            f"COPY ({_part_sql(table, part)}) TO {literal(str(path))} "
            "(FORMAT parquet, COMPRESSION zstd)"
        )
        _sync(path)
        files[part] = {"name": path.name, "sha256": _digest(path)}
    new = folder / f"{RECORD}.new"
    new.write_text(json.dumps({"state": state, "files": files}, indent=1) + "\n", encoding="utf-8")
    _sync(new)
    new.replace(folder / RECORD)
    _sync(folder)
    current = {RECORD, *(file["name"] for file in files.values())}
    for path in folder.iterdir():
        if path.name not in current:
            path.unlink()


# A folder that was set aside is never read again.
_IS_ASIDE = re.compile(r"\.\d{8}T\d{12}Z\.(damaged|replaced)$")


def _set_record_aside(folder: Path, why: str) -> Path:
    aside = folder.with_name(f"{folder.name}.{_stamp()}.{why}")
    folder.rename(aside)
    return aside


def _add_missing_logs(
    connection: duckdb.DuckDBPyConnection, folder: Path, record: dict[str, Any]
) -> int:
    """Insert the logged rows of loads that the working file does not know; returns the loads."""
    connection.execute("BEGIN")
    try:
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE known_batches AS "
            f"SELECT batch_id FROM {INGEST_SCHEMA}.batches"
        )
        added = 0
        for part, batch in _LOGS.items():
            parquet = f"read_parquet({literal(str(folder / record['files'][part]['name']))})"
            row = connection.execute(
                f"INSERT INTO {INGEST_SCHEMA}.{part} BY NAME SELECT * FROM {parquet} "
                f"WHERE {batch} NOT IN (SELECT batch_id FROM known_batches)"
            ).fetchone()
            added += row[0] if row and part == "batches" else 0
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    return added


def keep_history(
    connection: duckdb.DuckDBPyConnection, path: Path, tables: tuple[Table, ...] = TABLES
) -> list[str]:
    """Write what changed since the last call beside the working file; names of those tables.

    ``connection`` has the working file at ``path`` open for writing. A history with loads that the
    working file does not know is never overwritten: its logged rows are added to the working file,
    and its folder is kept. A full disk costs a warning: the load is complete, and the history
    before it is untouched. Raises duckdb.Error where the working file itself cannot be read.
    """
    written = []
    with locked(path):
        for table in tables:
            folder = history_of(path) / table.name
            try:
                state = _state(connection, table)
                if state is not None and _keep(connection, table, folder, state):
                    written.append(table.name)
            except OSError as error:
                _LOG.warning("The history of %s was not kept: %s", table.name, error)
            except duckdb.Error as error:
                if is_damage(error):
                    raise
                _LOG.warning("The history of %s was not kept: %s", table.name, _first_line(error))
    return written


def _keep(
    connection: duckdb.DuckDBPyConnection, table: Table, folder: Path, state: dict[str, Any]
) -> bool:
    """Bring one table's folder to ``state``; False where it is there already."""
    try:
        before = _read_record(folder)
        if before and before["state"] == state:
            return False
        known = (
            before is None
            or connection.execute(
                f"SELECT 1 FROM {INGEST_SCHEMA}.batches WHERE batch_id = ?",
                [before["state"]["last_batch"]],
            ).fetchone()
        )
        if before and not known and (faults := _faults(folder, before)):
            raise ValueError("; ".join(faults))
    except ValueError as error:
        aside = _set_record_aside(folder, "damaged")
        _LOG.warning("The history of %s was damaged (%s); it is now %s.", table.name, error, aside)
        before, known = None, True
    if before and not known:
        added = _add_missing_logs(connection, folder, before)
        aside = _set_record_aside(folder, "replaced")
        _LOG.warning(
            "The history of %s has %s loads that the working file did not know; their revisions "
            "and rejected rows are in the working file now. The earlier history is %s.",
            table.name,
            added,
            aside,
        )
        before, state = None, _state(connection, table) or state
    _write_record(connection, table, folder, state, before)
    return True


# --- damage -------------------------------------------------------------------------------

# What DuckDB says of a file whose content is wrong, at opening or at the first read of a block.
_SIGNS_OF_DAMAGE = (
    "Corrupt database file",
    "not a valid DuckDB database file",
    "does not match stored checksum",
    "Could not read enough bytes",
    "Failed to deserialize",
    "No more data remaining in MetadataReader",
    "Failure while replaying WAL",
)
# A file of another DuckDB is sound, and the system's refusals are not the file's fault.
_SIGNS_OF_ANOTHER_VERSION = (
    "Trying to read a database file with version number",
    "storage version",
)
_REFUSALS = tuple(
    os.strerror(code) for code in (1, 2, 5, 12, 13, 23, 24, 28, 30, 122)
)  # EPERM, ENOENT, EIO, ENOMEM, EACCES, ENFILE, EMFILE, ENOSPC, EROFS, EDQUOT


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def is_damage(error: duckdb.Error) -> bool:
    """Whether DuckDB found the content of the file itself unsound."""
    return any(sign in str(error) for sign in _SIGNS_OF_DAMAGE)


def is_unusable(path: Path, error: duckdb.Error) -> bool:
    """Whether a file that cannot be opened is to be set aside.

    It is, unless it was made by another version of DuckDB, memory ran out, or the system keeps this
    user from reading it. Locks are the caller's affair.
    """
    text = str(error)
    if any(sign in text for sign in _SIGNS_OF_ANOTHER_VERSION):
        return False
    if is_damage(error):
        return True
    if isinstance(error, duckdb.OutOfMemoryException) or any(word in text for word in _REFUSALS):
        return False
    try:
        if path.is_file():
            with path.open("r+b") as file:
                file.read(1)
        return path.exists()
    except OSError:
        return False


def read_through(connection: duckdb.DuckDBPyConnection) -> None:
    """Read every value of every table. Raises duckdb.Error at the first damaged block."""
    tables = connection.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() "
        "WHERE database_name = current_database() AND NOT temporary ORDER BY ALL"
    ).fetchall()
    for schema, name in tables:
        relation = f"{quoted(schema)}.{quoted(name)}"
        connection.execute(f"SELECT bit_xor(hash(whole)) FROM {relation} AS whole").fetchone()


# --- restoring ----------------------------------------------------------------------------


def has_history(path: Path) -> bool:
    """Whether there is anything to restore for a working file."""
    return any(history_of(path).glob(f"*/{RECORD}"))


def restore_missing(path: Path) -> bool:
    """Restore a working file that is not there; False where there is no history of it."""
    if not has_history(path):
        return False
    with locked(path):
        if not path.exists():
            restore(path)
            _LOG.warning(
                "There was no working file; it was restored from its history in %s.",
                history_of(path),
            )
    return True


def start_again(path: Path) -> None:
    """Begin an empty working file with the revisions, rejected rows and loads of its history."""
    if has_history(path):
        with locked(path):
            restore(path, rows=False)


def _wal(path: Path) -> Path:
    return path.with_name(f"{path.name}.wal")


def _restore_table(connection: duckdb.DuckDBPyConnection, folder: Path, *, rows: bool) -> None:
    """Insert one table's history. Raises ValueError where it is damaged."""
    record = _read_record(folder)
    if record is None:
        return
    if faults := _faults(folder, record):
        raise ValueError("; ".join(faults))
    _add_missing_logs(connection, folder, record)
    table = BY_NAME.get(folder.name)
    if not rows or table is None:
        return
    parquet = literal(str(folder / record["files"][ROWS]["name"]))
    try:
        connection.execute(
            f"INSERT INTO {raw_name(table)} BY NAME SELECT * FROM read_parquet({parquet})"
        )
    except duckdb.Error as error:
        # Rows of an older contract: the run loads them from their source.
        _LOG.warning("Stored rows of %s were not restored: %s", table.name, _first_line(error))


def restore(path: Path, *, rows: bool = True) -> None:
    """Make a working file from its history, all or nothing; the caller holds ``locked``.

    ``rows`` restores the raw tables too; without them sources fill them again. A damaged part of
    the history is set aside with a warning.
    """
    target = path.resolve()
    new = target.with_name(f"{target.name}.restored")
    for leftover in (new, _wal(new)):
        leftover.unlink(missing_ok=True)
    with connect(new) as connection:
        ensure_schema(connection)
        for folder in sorted(found.parent for found in history_of(path).glob(f"*/{RECORD}")):
            if _IS_ASIDE.search(folder.name):
                continue
            try:
                _restore_table(connection, folder, rows=rows)
            except (ValueError, duckdb.Error) as error:
                aside = _set_record_aside(folder, "damaged")
                _LOG.warning(
                    "The history of %s is damaged and was not restored (%s); it is now %s.",
                    folder.name,
                    _first_line(error),
                    aside,
                )
    _sync(new)
    new.replace(target)
    _sync(target.parent)


def set_aside(path: Path, why: str) -> Path:
    """Rename the working file and its log; returns the new name."""
    aside = path.with_name(f"{path.stem}.{_stamp()}.{why}{path.suffix}")
    if _wal(path).exists():
        _wal(path).rename(_wal(aside))
    path.rename(aside)
    return aside


def _cannot_be_opened(path: Path) -> bool:
    try:
        connect(path, read_only=True).close()
    except duckdb.Error as error:
        return is_unusable(path, error)
    return False


def heal(path: Path, reason: str, *, though_it_opens: bool = False) -> Path | None:
    """Set an unusable working file aside and restore its history in its place.

    Returns the new name of the unusable one. Of several processes that find the damage at the same
    moment one does it; for the others the file opens again, and None is returned.
    """
    with locked(path):
        if not though_it_opens and not _cannot_be_opened(path):
            return None
        # Behind a link: it leads to another disk, and still does afterwards.
        aside = set_aside(path.resolve(), "damaged")
        known = has_history(path)
        restore(path)
    _LOG.warning(
        "The working file could not be used (%s). It is now %s; %s.",
        reason,
        aside,
        f"stored values, revisions and rejected rows were restored from {history_of(path)}"
        if known
        else "there is no history to restore",
    )
    return aside
