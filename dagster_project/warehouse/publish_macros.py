"""Table macros: questions that readers ask of the published file in one line.

Each is a file ``<name>.sql`` with one statement ``create macro marts.<name>(...) as table``.
Comment lines before it describe the macro; the last of them is an example, which is planned
(not run) in the written file, so that no publication holds a macro that its tables do not bear.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from dagster_project.errors import PublicationRefused
from dagster_project.warehouse.ddl import literal, quoted
from dagster_project.warehouse.publish_marts import MARTS_SCHEMA
from dagster_project.warehouse.session import connect

_EXAMPLE = "Example:"
_MEND = "mend the file and publish again with 'make run'"


@dataclass(frozen=True)
class TableMacro:
    """One table macro of schema ``marts``, as its file has it."""

    name: str
    description: str
    example: str
    statement: str

    def shape(self) -> dict[str, str]:
        """What the manifest says of it."""
        return {
            "name": self.name,
            "description": self.description,
            "example": self.example,
            "statement": self.statement,
        }


def _read(path: Path) -> TableMacro:
    lines = path.read_text(encoding="utf-8").splitlines()
    comments: list[str] = []
    while lines and lines[0].startswith("--"):
        comments.append(lines.pop(0).removeprefix("--").strip())
    if len(comments) < 2 or not comments[-1].startswith(_EXAMPLE):
        raise PublicationRefused(
            f"A table macro needs comment lines that say what it answers, the last of them "
            f"'-- {_EXAMPLE} ...'.",
            where=str(path),
            mend=_MEND,
        )
    return TableMacro(
        name=path.stem,
        description=" ".join(comments[:-1]),
        example=comments[-1].removeprefix(_EXAMPLE).strip(),
        statement="\n".join(lines).strip(),
    )


def read_table_macros(folder: Path) -> tuple[TableMacro, ...]:
    """Every macro of ``folder``, by name."""
    return tuple(_read(path) for path in sorted(folder.glob("*.sql")))


def macros_in(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Name and comment of the table macros of schema ``marts`` in the open file."""
    rows = connection.execute(
        "SELECT function_name, coalesce(comment, '') FROM duckdb_functions() "
        "WHERE database_name = current_database() AND schema_name = ? "
        "AND function_type = 'table_macro' ORDER BY function_name",
        [MARTS_SCHEMA],
    ).fetchall()
    return dict(rows)


def create_table_macros(database: Path, macros: tuple[TableMacro, ...]) -> None:
    """Write the macros into a DuckDB file that holds the marts.

    The file is opened as itself, not attached: a macro finds its tables by schema and name in
    whatever database the reader has opened.
    """
    if not macros:
        return
    with connect(database) as connection:
        for macro in macros:
            try:
                connection.execute(macro.statement)
                connection.execute(
                    f"COMMENT ON MACRO TABLE {MARTS_SCHEMA}.{quoted(macro.name)} "
                    f"IS {literal(macro.description)}"
                )
            except duckdb.Error as error:
                raise PublicationRefused(
                    f"A table macro cannot be created: {error}",
                    where=f"{macro.name}.sql",
                    mend=_MEND,
                ) from error
        connection.execute("CHECKPOINT")


def macro_faults(database: Path, macros: tuple[TableMacro, ...]) -> list[str]:
    """What a reader who opens the file read-only would miss."""
    with connect(database, read_only=True) as connection:
        written = macros_in(connection)
        stated = {macro.name: macro.description for macro in macros}
        faults = [
            f"table macro {name}: missing, without its description, or of no file"
            for name in sorted(written.keys() | stated.keys())
            if written.get(name) != stated.get(name)
        ]
        for macro in macros:
            try:
                connection.execute(f"EXPLAIN {macro.example}")
            except duckdb.Error as error:
                faults.append(f"table macro {macro.name}: {str(error).splitlines()[0]}")
    return faults
