"""The one way this project connects to DuckDB: nothing is downloaded, whatever is opened."""

from __future__ import annotations

from pathlib import Path

import duckdb

# DuckDB would fetch an extension over the internet as soon as a query or a file looks as if it
# needed one. A running process may still load extensions that are built in or installed.
NO_DOWNLOADS = "SET autoinstall_known_extensions = false"
_MAGIC = slice(8, 12), b"DUCK"


def _require_duckdb_file(path: Path) -> None:
    """Raises duckdb.IOException for a file of another kind, in the words of DuckDB.

    DuckDB itself would fetch an extension for it, before any setting of the connection holds.
    """
    place, magic = _MAGIC
    with path.open("rb") as file:
        begins = file.read(place.stop)
    if begins[place] != magic:
        raise duckdb.IOException(
            f'IO Error: The file "{path}" exists, but it is not a valid DuckDB database file!'
        )


def connect(path: Path | None = None, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """A connection to a DuckDB file, or to memory without ``path``. Raises duckdb.Error.

    Downloads are switched off after connecting, not by ``config``: DuckDB refuses a second
    connection of one process to a file with another configuration.
    """
    if path is not None and path.is_file():
        try:
            _require_duckdb_file(path)
        except OSError as error:
            raise duckdb.IOException(f"IO Error: Cannot open file: {error}") from error
    connection = duckdb.connect(str(path) if path else ":memory:", read_only=read_only)
    connection.execute(NO_DOWNLOADS)
    return connection
