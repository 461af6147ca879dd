"""From which columns a model's columns are made, read from its compiled SQL.

What counts is the value: the columns that a result column is computed from, through CTEs,
subqueries and unions. Joins, filters and groupings that only choose rows do not. sqlglot parses
and qualifies; the walk is our own, because sqlglot's begins anew for every column.

A model in Python has no SQL to read: it declares in its ``meta`` what its columns are made from.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlglot.optimizer.scope import Scope
    from sqlglot.schema import MappingSchema

DIALECT = "duckdb"
# Schema, table and column.
Origin = tuple[str, str, str]
# Schema -> table -> column -> type, of everything a model may read.
Catalog = Mapping[str, Mapping[str, Mapping[str, str]]]

_VERSION = 1


def _names(scope: Scope) -> list[str]:
    query: Any = scope.expression
    return list(query.named_selects)


class _Walk:
    """Origins of columns within one statement; each scope and column is looked at once."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, str], frozenset[Origin]] = {}

    def origins(self, scope: Scope, name: str) -> frozenset[Origin]:
        key = (id(scope), name)
        if key not in self._known:
            # A recursive CTE meets itself here, and adds nothing to what its start gives.
            self._known[key] = frozenset()
            self._known[key] = self._look(scope, name)
        return self._known[key]

    def _look(self, scope: Scope, name: str) -> frozenset[Origin]:
        query: Any = scope.expression
        if scope.set_operation_scopes:
            names = _names(scope)
            if name not in names:
                return frozenset()
            place = names.index(name)
            return frozenset().union(
                *(
                    self.origins(branch, _names(branch)[place])
                    for branch in scope.set_operation_scopes
                )
            )
        if scope.is_udtf:
            return self._within(scope, query)
        found = [s for s in query.selects if s.alias_or_name == name]
        return frozenset().union(*(self._within(scope, projection) for projection in found))

    def _within(self, scope: Scope, expression: Any) -> frozenset[Origin]:
        """Origins of every column that stands in an expression, its subqueries included."""
        from sqlglot import exp

        inner = {id(sub.expression): sub for sub in scope.subquery_scopes}
        found: frozenset[Origin] = frozenset()
        waiting: list[Any] = [expression]
        while waiting:
            node = waiting.pop()
            if id(node) in inner:
                sub = inner[id(node)]
                for name in _names(sub):
                    found |= self.origins(sub, name)
                continue
            if isinstance(node, exp.Column):
                found |= self._of(scope, node.table, node.name)
            waiting.extend(node.iter_expressions())
        return found

    def _of(self, scope: Scope, source_name: str, column: str) -> frozenset[Origin]:
        from sqlglot import exp
        from sqlglot.optimizer.scope import Scope

        above: Scope | None = scope
        while above is not None:
            source = above.sources.get(source_name)
            if isinstance(source, exp.Table):
                return frozenset({(source.db, source.name, column)})
            if isinstance(source, Scope):
                return self.origins(source, column)
            # A correlated subquery names a source of the query around it.
            above = above.parent
        return frozenset()


def _qualified_scope(sql: str, schema: MappingSchema) -> Scope | None:
    import sqlglot
    from sqlglot import exp
    from sqlglot.optimizer.qualify import qualify
    from sqlglot.optimizer.scope import build_scope

    parsed = sqlglot.parse_one(sql, dialect=DIALECT)
    for table in parsed.find_all(exp.Table):
        # dbt names the file in front of the schema; the catalogue here has one file.
        table.set("catalog", None)
    tree = qualify(
        parsed,
        schema=schema,
        dialect=DIALECT,
        validate_qualify_columns=False,
        identify=False,
    )
    return build_scope(tree)


def column_lineage(sql: str, catalog: Catalog) -> dict[str, list[Origin]]:
    """Origins of every column that ``sql`` selects, in the order of the select.

    A column that no column feeds, such as a count of rows or a constant, has an empty list.
    Raises sqlglot's SqlglotError where it cannot read the SQL.
    """
    from sqlglot.schema import MappingSchema

    scope = _qualified_scope(sql, MappingSchema(dict(catalog), dialect=DIALECT))
    if scope is None:
        return {}
    walk = _Walk()
    return {name: sorted(walk.origins(scope, name)) for name in _names(scope)}


# Key of a declaration that stands for every column without one of its own.
ANY_COLUMN = "*"


def declared_lineage(
    declared: Mapping[str, Sequence[str]], columns: Iterable[str], catalog: Catalog
) -> dict[str, list[Origin]]:
    """Origins of a Python model's ``columns`` as its ``meta`` declares them (`column_origins`).

    ``declared`` maps a column, or ``"*"`` for all others, to origins written ``model.column``.
    An origin that the catalogue does not have is left out.
    """
    places = {
        (table, column): schema
        for schema, tables in catalog.items()
        for table, its_columns in tables.items()
        for column in its_columns
    }
    return {
        name: sorted(
            (places[table, column], table, column)
            for table, _, column in (
                origin.partition(".") for origin in declared.get(name, declared.get(ANY_COLUMN, ()))
            )
            if (table, column) in places
        )
        for name in columns
    }


def _tables_read(sql: str, catalog: Catalog) -> dict[str, dict[str, dict[str, str]]]:
    """The part of the catalogue that the SQL may read: its tables are named by schema there."""
    read = {
        schema: {table: dict(columns) for table, columns in tables.items() if table in sql}
        for schema, tables in catalog.items()
    }
    return {schema: tables for schema, tables in read.items() if tables}


class LineageCache:
    """Lineage of models, kept in a file and computed anew only for SQL or columns that changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries: dict[str, dict[str, Any]] = {}
        self._changed = False
        with contextlib.suppress(OSError, ValueError):
            stored = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(stored, dict) and stored.get("version") == _VERSION:
                self._entries = stored["models"]

    def lineage(self, model: str, sql: str, catalog: Catalog) -> dict[str, list[Origin]] | None:
        """Lineage of one model; None where sqlglot cannot read its SQL."""
        read = _tables_read(sql, catalog)
        fingerprint = hashlib.sha256(f"{sql}\n{json.dumps(read)}".encode()).hexdigest()
        entry = self._entries.get(model)
        if entry is None or entry["fingerprint"] != fingerprint:
            try:
                columns: dict[str, list[Origin]] | None = column_lineage(sql, read)
            except Exception:
                # A grammar that lags behind DuckDB's, however it shows, costs the picture alone:
                # the model itself is built and tested.
                columns = None
            entry = {"fingerprint": fingerprint, "columns": columns}
            self._entries[model] = entry
            self._changed = True
        if entry["columns"] is None:
            return None
        return {
            name: [(schema, table, column) for schema, table, column in origins]
            for name, origins in entry["columns"].items()
        }

    def save(self) -> None:
        """Write the file anew if anything changed; an unwritable folder costs time, no more."""
        if not self._changed:
            return
        new = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps({"version": _VERSION, "models": self._entries})
            new.write_text(text, encoding="utf-8")
            new.replace(self._path)
        self._changed = False
