"""Whether a table's rows stand in the order of its key, told by a look at neighbours."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from dagster_project.warehouse.ddl import quoted


def in_key_order(connection: duckdb.DuckDBPyConnection, relation: str, key: Sequence[str]) -> bool:
    """Whether each row's key is above that of the row before it, as the rows are stored.

    Then no key is missing or repeats, and rows that are wanted in the key's order need not be
    sorted: to look at neighbours costs a fraction of either, and no memory. ``relation`` is SQL for
    a table. A key that is missing is above none and none is above it.
    """
    above = "false"
    for name in reversed(key):
        here, before = quoted(name), quoted(f"{name} before")
        above = f"({here} > {before} OR ({here} = {before} AND {above}))"
    named = ", ".join(quoted(name) for name in key)
    lagged = ", ".join(f"lag({quoted(k)}) OVER () AS {quoted(f'{k} before')}" for k in key)
    # Of the first row alone nothing is compared, so it is asked whether it has its key.
    missing = " OR ".join(f"{quoted(name)} IS NULL" for name in key)
    disordered = connection.execute(
        f"SELECT 1 FROM (SELECT {named}, {lagged}, row_number() OVER () AS place FROM {relation}) "
        f"WHERE (place > 1 AND {above} IS NOT TRUE) OR (place = 1 AND ({missing})) LIMIT 1"
    ).fetchone()
    return disordered is None
