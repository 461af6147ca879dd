"""Typed, transactional, idempotent load of one extract into its raw table.

The batch is checked inside DuckDB against the table's contract. Rows that break it go
to ``ingest.rejected_rows``; too many of them, a reference that must hold, or two rows
that contradict each other refuse the whole batch. What remains is compared with the
stored rows by key: equal rows are left alone, changed ones replaced, and every replaced
or removed row is kept in ``ingest.revisions``. A figure that a vendor did not serve, and a row
that a vendor could not read, never overwrite what is stored. All of it is one transaction.
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb

from dagster_project.contracts import BY_NAME, SOURCE_REF, Column, Extract, Kind, Level, Table
from dagster_project.errors import LoadRefused
from dagster_project.warehouse.ddl import INGEST_SCHEMA, ensure_schema, literal, quoted, raw_name
from dagster_project.warehouse.key_order import in_key_order

_REPORTED_BREACHES = 5
_TIMESTAMP_COLUMNS = ("retrieved_at", "batch_id")
_NO_ROW = "false"


@dataclass(frozen=True)
class LoadReport:
    """What a load did, in rows."""

    table: str
    batch_id: str
    read: int
    inserted: int
    updated: int
    unchanged: int
    removed: int
    rejected: int
    total: int
    rejections: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        return bool(self.inserted or self.updated or self.removed)

    def summary(self) -> str:
        """One line for a log: only the parts that happened."""
        parts = [
            f"{count:,} {word}"
            for count, word in (
                (self.inserted, "new"),
                (self.updated, "revised"),
                (self.removed, "removed"),
                (self.rejected, "rejected"),
            )
            if count
        ]
        rows = "row" if self.total == 1 else "rows"
        return f"{self.total:,} {rows}, " + (", ".join(parts) or "unchanged")


@dataclass(frozen=True)
class _Check:
    """One contract rule as a DuckDB expression that is true for rows that break it."""

    column: str | None
    breach: str
    reason: str
    refuse: bool = False
    mend: str = ""
    level: Level = Level.REFUSE


@dataclass(frozen=True)
class Breach:
    """One broken rule of one row, in words.

    ``place`` says where in the source the row stands; ``column`` is empty where the rule is
    about the row as a whole.
    """

    place: str
    column: str
    reason: str
    mend: str
    level: Level
    repeats_key: bool = False


def _bound_checks(column: Column) -> list[_Check]:
    name = quoted(column.name)
    checks = []
    if column.kind is Kind.NUMBER:
        checks.append(
            _Check(
                column.name,
                f"NOT isfinite({name})",
                literal("value is not a finite number"),
                mend="write a number, or leave the field empty where the value is missing",
            )
        )
    bounds = (
        (column.at_least, "<", "below the least accepted value"),
        (column.above, "<=", "not above"),
        (column.at_most, ">", "above the largest accepted value"),
    )
    for bound, operator, words in bounds:
        if bound is not None:
            breach = f"{name} {operator} {bound!r}"
            if column.kind is Kind.NUMBER:
                breach = f"isfinite({name}) AND {breach}"
            reason = f"'value ' || {name} || ' is {words} {bound:,.15g}'"
            mend = "look for a slip of the keyboard or a wrong unit"
            checks.append(_Check(column.name, breach, reason, mend=mend))
    return checks


def _reference_check(column: Column) -> _Check | None:
    reference = column.reference
    if reference is None:
        return None
    name = quoted(column.name)
    values = f"SELECT {quoted(reference.column)} AS known FROM {raw_name(BY_NAME[reference.table])}"
    for word in reference.also:
        values += f" UNION ALL SELECT {literal(word)}"
    said = literal(f" is not in {reference.table}: ")
    if reference.found:
        said += f" || {reference.found} || '; '"
    said += f" || {literal(reference.mend)}"
    only_when = f"({reference.when}) AND " if reference.when else ""
    if not reference.separator:
        return _Check(
            column.name,
            f"{only_when}{name} NOT IN ({values})",
            f"'value ' || {name} || {said}",
            refuse=reference.refuse,
            mend=reference.mend,
        )
    items = f"string_split({name}, {literal(reference.separator)})"
    parents = f"(SELECT coalesce(list(known), []) FROM ({values}))"
    # A separator too many leaves an item without a character: show that there is one.
    unknown = (
        "(SELECT string_agg(coalesce(nullif(item, ''), '(empty)'), ', ' ORDER BY item) FROM "
        f"(SELECT trim(unnest({items})) AS item) WHERE item NOT IN ({values}))"
    )
    return _Check(
        column.name,
        f"{only_when}NOT list_has_all({parents}, list_transform({items}, lambda item: trim(item)))",
        f"'value ' || {unknown} || {said}",
        refuse=reference.refuse,
        mend=reference.mend,
    )


def _checks(table: Table) -> list[_Check]:
    """Every rule of the contract, as expressions over the incoming batch."""
    checks: list[_Check] = []
    for column in table.stored_columns:
        name = quoted(column.name)
        if column.required and column.name not in _TIMESTAMP_COLUMNS:
            checks.append(
                _Check(
                    column.name,
                    f"{name} IS NULL",
                    literal("value is missing"),
                    mend=f"fill in the field: {column.description}",
                )
            )
        if column.kind is Kind.TEXT:
            checks.append(
                _Check(
                    column.name,
                    f"length({name}) > {column.max_length}",
                    f"'text of ' || length({name}) || ' characters is longer than "
                    f"{column.max_length}'",
                    mend="shorten the text, or look for a quote that is not closed",
                )
            )
        if column.one_of:
            accepted = ", ".join(literal(value) for value in column.one_of)
            checks.append(
                _Check(
                    column.name,
                    f"{name} NOT IN ({accepted})",
                    f"'value ' || {name} || ' is none of ' || {literal(', '.join(column.one_of))}",
                    mend="choose one of them",
                )
            )
        if column.pattern:
            checks.append(
                _Check(
                    column.name,
                    f"NOT regexp_matches({name}, {literal(column.pattern)})",
                    f"'value ' || left({name}, 60) || ' does not look like ' || "
                    f"{literal(column.accepted_form)}",
                    mend=f"correct the field: {column.description}",
                )
            )
        checks.extend(_bound_checks(column))
        reference = _reference_check(column)
        if reference:
            checks.append(reference)
    checks.extend(
        _Check(
            rule.column or None,
            f"NOT ({rule.expression})",
            literal(rule.reason) + (f" || coalesce({rule.found}, '')" if rule.found else ""),
            mend=rule.mend,
            level=rule.level,
        )
        for rule in table.rules
    )
    return checks


def _stage(
    connection: duckdb.DuckDBPyConnection, table: Table, extract: Extract, batch: str
) -> int:
    """Put the batch into a temporary table ``staged``; view ``incoming`` is a whole stored row.

    What is the same in every row stands in the view alone: a check of it costs nothing per row.
    """
    frame = extract.frame
    # A frame answers with these values for every row it does not state itself.
    defaults = {
        "source": literal(extract.source),
        "retrieved_at": f"TIMESTAMP {literal(extract.retrieved_at.isoformat(sep=' '))}",
        "batch_id": literal(batch),
    }
    stated, whole = [], []
    for column in table.stored_columns:
        name, sql_type = quoted(column.name), column.kind.duckdb_type
        default = defaults.get(column.name)
        if column.name in frame.columns:
            value = f"CAST({name} AS {sql_type})"
            stated.append(f"{f'coalesce({value}, {default})' if default else value} AS {name}")
            whole.append(name)
        else:
            whole.append(f"{default or f'CAST(NULL AS {sql_type})'} AS {name}")
    connection.register("incoming_frame", frame)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE staged AS "
        f"SELECT {', '.join([*stated, SOURCE_REF])}, row_number() OVER () AS row_id "
        "FROM incoming_frame"
    )
    connection.unregister("incoming_frame")
    connection.execute(
        "CREATE OR REPLACE TEMP VIEW incoming AS "
        f"SELECT {', '.join([*whole, SOURCE_REF])}, row_id FROM staged"
    )
    return len(frame)


def _find_breaches(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    levels: tuple[Level, ...] = (Level.REFUSE,),
) -> None:
    """Fill temporary table ``breaches`` with one row per broken rule of ``levels`` and row."""
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE breaches (row_id BIGINT, breach_column VARCHAR, "
        "breach_reason VARCHAR, refuse BOOLEAN, mend VARCHAR, level VARCHAR)"
    )
    checks = [check for check in _checks(table) if check.level in levels]
    # One pass over the batch decides whether any rule is broken at all; the usual
    # answer is no, and then no rule is looked at again.
    counts = connection.execute(
        "SELECT "
        + ", ".join(f"count(*) FILTER (WHERE {c.breach})" for c in checks)
        + " FROM incoming"
    ).fetchone()
    assert counts is not None
    for check, count in zip(checks, counts, strict=True):
        if count:
            column = "NULL" if check.column is None else literal(check.column)
            connection.execute(
                f"INSERT INTO breaches SELECT row_id, {column}, {check.reason}, {check.refuse}, "
                f"{literal(check.mend)}, {literal(check.level)} FROM incoming WHERE {check.breach}"
            )


def all_breaches(connection: duckdb.DuckDBPyConnection, extract: Extract) -> list[Breach]:
    """Every broken rule of every level in ``extract``, row by row; nothing is stored.

    References and rules that look at other tables see the raw tables as they stand. Beside
    the contract's rules, a row that repeats or contradicts the key of an earlier one is
    named.
    """
    table = BY_NAME[extract.table]
    _stage(connection, table, extract, batch="")
    _find_breaches(connection, table, tuple(Level))
    keys = ", ".join(quoted(name) for name in table.key)
    repeat = literal(f"same key ({', '.join(table.key)}) as in ")
    rows = connection.execute(
        f"SELECT {SOURCE_REF}, coalesce(breach_column, ''), breach_reason, mend, level, row_id, "
        "false FROM breaches JOIN incoming USING (row_id) UNION ALL "
        f"SELECT {SOURCE_REF}, {literal(table.key[0])}, {repeat} || earlier, "
        f"'keep the row that is right', {literal(Level.REFUSE)}, row_id, true FROM (SELECT *, "
        f"lag({SOURCE_REF}) OVER (PARTITION BY {keys} ORDER BY row_id) AS earlier FROM incoming) "
        "WHERE earlier IS NOT NULL ORDER BY row_id, 2, 3"
    ).fetchall()
    return [
        Breach(place, column, reason, mend, Level(level), repeats)
        for place, column, reason, mend, level, _, repeats in rows
    ]


def check_whole(connection: duckdb.DuckDBPyConnection, extract: Extract) -> None:
    """Raises LoadRefused where a table lacks a key it needs or breaks a rule over all rows."""
    table = BY_NAME[extract.table]
    _stage(connection, table, extract, batch="")
    _refuse_unsound_whole(connection, table, extract)


def stage_for_check(connection: duckdb.DuckDBPyConnection, extract: Extract) -> None:
    """Put an extract's rows into its raw table as they are, broken ones too.

    For a check that reports one mistake once: rows that refer to a row with a mistake of its
    own still find it. The raw table must not have been loaded into.
    """
    table = BY_NAME[extract.table]
    _stage(connection, table, extract, batch="")
    names = ", ".join(quoted(c.name) for c in table.stored_columns)
    connection.execute(f"CREATE OR REPLACE TABLE {raw_name(table)} AS SELECT {names} FROM incoming")


def _refuse_contradictions(connection: duckdb.DuckDBPyConnection, table: Table) -> int:
    """Drop exact repeats of a row (returns their number); refuse two that differ."""
    keys = ", ".join(quoted(name) for name in table.key)
    # A key that repeats is rare, and telling what differs costs more than the rest of a load.
    repeated = connection.execute(
        "CREATE OR REPLACE TEMP TABLE repeated_keys AS "
        f"SELECT {keys} FROM incoming GROUP BY {keys} HAVING count(*) > 1"
    ).fetchone()
    if not repeated or not repeated[0]:
        return 0
    compared = [c.name for c in table.stored_columns if c.name not in _TIMESTAMP_COLUMNS]
    content = ", ".join(f"{quoted(name)} := {quoted(name)}" for name in compared)
    clashes = connection.execute(
        f"SELECT {keys}, string_agg({SOURCE_REF}, ' and ' ORDER BY row_id) "
        f"FROM incoming GROUP BY {keys} "
        f"HAVING count(DISTINCT struct_pack({content})) > 1 ORDER BY {keys} LIMIT "
        f"{_REPORTED_BREACHES}"
    ).fetchall()
    if clashes:
        listed = [f"{row[-1]}: {', '.join(str(value) for value in row[:-1])}" for row in clashes]
        raise LoadRefused(
            f"Table {table.name} gets the same key ({', '.join(table.key)}) with different "
            "values; nothing was loaded.",
            where="\n         ".join(listed),
            mend="keep the row that is right",
        )
    repeats = connection.execute(
        f"DELETE FROM staged WHERE row_id NOT IN (SELECT min(row_id) FROM incoming GROUP BY {keys})"
    ).fetchone()
    return repeats[0] if repeats else 0


def _near(connection: duckdb.DuckDBPyConnection, table: Table) -> str:
    """Condition on ``stored`` that every row with a key of the batch meets; false for none.

    DuckDB knows the least and greatest value of each stretch of a stored column, so a batch of one
    share or one day is compared with those rows and not with the whole history.
    """
    names = [k for k in table.key if table.column(k).required]
    if not names:
        return "true"
    bounds = connection.execute(
        "SELECT "
        + ", ".join(f"min({quoted(k)}), max({quoted(k)})" for k in names)
        + " FROM incoming"
    ).fetchone()
    assert bounds is not None
    if bounds[0] is None:
        return _NO_ROW
    low, high = bounds[::2], bounds[1::2]
    near = " AND ".join(
        f"stored.{quoted(k)} BETWEEN CAST({literal(str(a))} AS {kind}) "
        f"AND CAST({literal(str(b))} AS {kind})"
        for k, a, b in zip(names, low, high, strict=True)
        for kind in (table.column(k).kind.duckdb_type,)
    )
    found = connection.execute(
        f"SELECT 1 FROM {raw_name(table)} AS stored WHERE {near} LIMIT 1"
    ).fetchone()
    return near if found else _NO_ROW


def _same_key(table: Table) -> str:
    return " AND ".join(
        f"stored.{quoted(k)} IS NOT DISTINCT FROM fresh.{quoted(k)}" for k in table.key
    )


def _refuse_unsound_whole(
    connection: duckdb.DuckDBPyConnection, table: Table, extract: Extract
) -> None:
    """Refuse a batch after which the table would lack a key it needs or break a table rule."""
    columns = ", ".join(quoted(c.name) for c in table.columns)
    rows = f"(SELECT {columns} FROM incoming)"
    if not extract.complete:
        rows = (
            f"(SELECT {columns} FROM incoming UNION ALL SELECT {columns} FROM {raw_name(table)} "
            f"AS stored ANTI JOIN incoming AS fresh ON {_same_key(table)})"
        )
    if table.required_keys:
        (key,) = table.key
        present = {k for (k,) in connection.execute(f"SELECT {quoted(key)} FROM {rows}").fetchall()}
        missing = [name for name in table.required_keys if name not in present]
        if missing:
            raise LoadRefused(
                f"Table {table.name} lacks the {key} {', '.join(missing)}; nothing was loaded, "
                "the stored rows stay.",
                where=extract.origin,
                mend=f"add a row for {'it' if len(missing) == 1 else 'each'}: the project's own "
                f"data/{table.file} has all of them to copy",
            )
    for rule in table.table_rules:
        checked = connection.execute(
            f"SELECT coalesce({rule.expression}, false), {rule.found} FROM {rows}"
        ).fetchone()
        assert checked is not None
        sound, found = checked
        if not sound:
            raise LoadRefused(
                f"Table {table.name} {rule.reason}, but there is {found}; nothing was loaded, "
                "the stored rows stay.",
                where=extract.origin,
                mend=rule.mend,
            )


def _set_rejected_aside(
    connection: duckdb.DuckDBPyConnection, table: Table, batch: str, now: datetime
) -> tuple[int, tuple[str, ...]]:
    row = connection.execute("SELECT count(DISTINCT row_id) FROM breaches").fetchone()
    assert row is not None
    if not row[0]:
        return 0, ()
    content = ", ".join(f"{quoted(c.name)} := {quoted(c.name)}" for c in table.columns)
    connection.execute(
        f"INSERT INTO {INGEST_SCHEMA}.rejected_rows "
        f"SELECT ?, ?, {SOURCE_REF}, breach_column, breach_reason, "
        f"CAST(to_json(struct_pack({content})) AS VARCHAR), ? "
        "FROM breaches JOIN incoming USING (row_id) ORDER BY row_id, breach_column",
        [batch, table.name, now],
    )
    listed = connection.execute(
        f"SELECT {SOURCE_REF} || coalesce(', column ' || breach_column, '') "
        "|| ': ' || breach_reason "
        "FROM breaches JOIN incoming USING (row_id) ORDER BY refuse DESC, row_id, breach_column "
        f"LIMIT {_REPORTED_BREACHES}"
    ).fetchall()
    return row[0], tuple(text for (text,) in listed)


def _log_batch(
    connection: duckdb.DuckDBPyConnection,
    extract: Extract,
    now: datetime,
    status: str,
    report: LoadReport,
) -> None:
    window = extract.window
    connection.execute(
        f"INSERT INTO {INGEST_SCHEMA}.batches VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            report.batch_id,
            report.table,
            extract.source,
            extract.origin,
            window.start if window else None,
            window.end if window else None,
            extract.retrieved_at,
            now,
            status,
            report.read,
            report.inserted,
            report.updated,
            report.unchanged,
            report.removed,
            report.rejected,
        ],
    )


def _merge(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    extract: Extract,
    batch: str,
    now: datetime,
    in_order: bool,
    *,
    allow_smaller: bool,
) -> tuple[int, int, int, int, int]:
    """Compare ``incoming`` with the stored rows by key and apply the difference.

    ``in_order`` says that its rows are in the order of the key, in which they are stored.

    Returns inserted, updated, unchanged, removed and the table's new row count.
    """
    target = raw_name(table)
    names = [c.name for c in table.stored_columns]
    compared = [n for n in names if n not in _TIMESTAMP_COLUMNS and n not in table.key]
    same_key, near = _same_key(table), _near(connection, table)
    row_key = ", ".join(f"{quoted(k)} := stored.{quoted(k)}" for k in table.key)
    old_row = ", ".join(f"{quoted(n)} := stored.{quoted(n)}" for n in names)
    differs = [f"stored.{quoted(n)} IS DISTINCT FROM fresh.{quoted(n)}" for n in compared]
    in_scope = "true"
    if extract.window is not None:
        in_scope = (
            f"stored.{quoted(table.time_column)} BETWEEN DATE '{extract.window.start}' "
            f"AND DATE '{extract.window.end}'"
        )

    changed_list = ", ".join(
        f"CASE WHEN {test} THEN {literal(n)} END" for n, test in zip(compared, differs, strict=True)
    )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE revised AS "
        f"SELECT stored.rowid AS stored_id, fresh.row_id, 'replaced' AS action, "
        f"list_filter([{changed_list}], lambda name: name IS NOT NULL) AS changed_columns, "
        f"CAST(to_json(struct_pack({row_key})) AS VARCHAR) AS row_key, "
        f"CAST(to_json(struct_pack({old_row})) AS VARCHAR) AS old_row, "
        "stored.batch_id AS old_batch_id "
        f"FROM {target} AS stored JOIN incoming AS fresh ON {same_key} "
        f"WHERE {near} AND ({' OR '.join(differs)})"
    )
    if extract.complete:
        connection.execute(
            "INSERT INTO revised "
            f"SELECT stored.rowid, NULL, 'removed', NULL, "
            f"CAST(to_json(struct_pack({row_key})) AS VARCHAR), "
            f"CAST(to_json(struct_pack({old_row})) AS VARCHAR), stored.batch_id "
            f"FROM {target} AS stored ANTI JOIN incoming AS fresh ON {same_key} "
            f"ANTI JOIN rejected_keys AS broken ON {same_key.replace('fresh.', 'broken.')} "
            f"WHERE {in_scope}"
        )
    counted = connection.execute(
        "SELECT count(*) FILTER (WHERE action = 'replaced'), "
        "count(*) FILTER (WHERE action = 'removed'), "
        f"(SELECT count(*) FROM {target} AS stored WHERE {in_scope}), "
        "(SELECT count(*) FROM incoming) FROM revised"
    ).fetchone()
    assert counted is not None
    updated, removed, stored_rows, incoming_rows = counted
    if removed > max(1, table.max_removed_share * stored_rows) and not allow_smaller:
        raise LoadRefused(
            f"Table {table.name} would lose {removed:,} of the {stored_rows:,} rows loaded "
            "before; the stored rows stay.",
            where=extract.origin,
            mend="if the file was cut off, restore it; if the rows are meant to go, "
            "run once with MINER_ALLOW_SMALLER=1",
        )
    connection.execute(
        f"INSERT INTO {INGEST_SCHEMA}.revisions "
        "SELECT ?, row_key, action, changed_columns, old_row, old_batch_id, ?, ? "
        "FROM revised ORDER BY row_key",
        [table.name, batch, now],
    )
    columns = ", ".join(quoted(n) for n in names)
    inserted = incoming_rows
    if near != _NO_ROW:
        new_rows = connection.execute(
            "CREATE OR REPLACE TEMP TABLE new_rows AS SELECT row_id FROM incoming AS fresh "
            f"ANTI JOIN (SELECT * FROM {target} AS stored WHERE {near}) AS stored ON {same_key}"
        ).fetchone()
        assert new_rows is not None
        inserted = new_rows[0]
    if updated or removed:
        connection.execute(f"DELETE FROM {target} WHERE rowid IN (SELECT stored_id FROM revised)")
    if inserted or updated:
        insert = f"INSERT INTO {target} ({columns}) SELECT {columns} FROM incoming"
        if inserted + updated < incoming_rows:
            insert += (
                " WHERE row_id IN (SELECT row_id FROM new_rows UNION ALL "
                "SELECT row_id FROM revised WHERE row_id IS NOT NULL)"
            )
        if not in_order or inserted + updated < incoming_rows:
            insert += f" ORDER BY {', '.join(quoted(k) for k in table.key)}"
        connection.execute(insert)
    total = connection.execute(f"SELECT count(*) FROM {target}").fetchone()
    assert total is not None
    return inserted, updated, incoming_rows - inserted - updated, removed, total[0]


def load(
    connection: duckdb.DuckDBPyConnection, extract: Extract, *, allow_smaller: bool = False
) -> LoadReport:
    """Load one extract; loading the same extract again changes nothing.

    Raises LoadRefused, with the stored rows untouched, when the batch contradicts
    itself, breaks a reference, has more broken rows than the contract's
    ``max_rejected_share``, lacks a key the table needs, breaks a rule over all rows, or
    drops more than ``max_removed_share`` of the stored rows (``allow_smaller`` lifts only
    the last). The refusal is logged in ``ingest.batches``,
    and rows that break the contract are kept in ``ingest.rejected_rows`` either way.
    """
    table = BY_NAME[extract.table]
    ensure_schema(connection)
    batch = uuid.uuid4().hex
    now = datetime.now(UTC).replace(tzinfo=None)
    refusal: LoadRefused | None = None
    # Not in the transaction: DuckDB reads what a transaction has written on one thread.
    read = _stage(connection, table, extract, batch)
    connection.execute("BEGIN")
    try:
        _find_breaches(connection, table)
        rejected, rejections = _set_rejected_aside(connection, table, batch, now)
        try:
            _refuse_breaches(connection, table, batch, read, rejected, rejections)
            _leave_rejected_out(connection, table)
            _keep_stored(connection, table, extract)
            in_order = in_key_order(connection, "incoming", table.key)
            if not in_order:
                _refuse_contradictions(connection, table)
            _refuse_unsound_whole(connection, table, extract)
            counts = _merge(
                connection, table, extract, batch, now, in_order, allow_smaller=allow_smaller
            )
        except LoadRefused as error:
            # Every refusal comes before the first write to the stored rows, so committing
            # keeps the log and the rejected rows and nothing else.
            refusal, counts = error, _no_change(connection, table)
        inserted, updated, unchanged, removed, total = counts
        report = LoadReport(
            table.name,
            batch,
            read,
            inserted,
            updated,
            unchanged,
            removed,
            rejected,
            total,
            rejections,
        )
        _log_batch(connection, extract, now, "refused" if refusal else "loaded", report)
        connection.execute("COMMIT")
    except BaseException:
        _roll_back(connection)
        raise
    if refusal:
        raise refusal
    return report


def _refuse_breaches(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    batch: str,
    read: int,
    rejected: int,
    rejections: tuple[str, ...],
) -> None:
    must_refuse = connection.execute("SELECT count(*) FROM breaches WHERE refuse").fetchone()
    assert must_refuse is not None
    if must_refuse[0] or rejected > table.max_rejected_share * read:
        raise LoadRefused(
            f"{rejected:,} of {read:,} rows break the contract of table {table.name}; "
            "nothing was loaded, the stored rows stay.",
            where="\n         ".join(rejections),
            mend="correct the rows and run again; all of them are in "
            f"{INGEST_SCHEMA}.rejected_rows (batch {batch[:8]})",
        )


def _leave_rejected_out(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Take broken rows out of the batch, remembering their keys.

    The source still has those rows, only unreadable: what was stored for them before stays.
    """
    keys = ", ".join(quoted(name) for name in table.key)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE rejected_keys AS SELECT {keys} FROM incoming "
        "WHERE row_id IN (SELECT row_id FROM breaches)"
    )
    connection.execute("DELETE FROM staged WHERE row_id IN (SELECT row_id FROM breaches)")


def _keep_stored(connection: duckdb.DuckDBPyConnection, table: Table, extract: Extract) -> None:
    """Take out of a vendor's part what must not overwrite: placeholders and absent figures.

    An answer that is complete, such as a file of the data folder, means what it leaves out.
    """
    if extract.complete:
        return
    stored = f"{raw_name(table)} AS stored"
    same_key = _same_key(table).replace("fresh.", "staged.")
    if table.placeholder:
        connection.execute(
            f"DELETE FROM staged USING {stored} WHERE staged.row_id IN "
            f"(SELECT row_id FROM incoming WHERE {table.placeholder}) AND {same_key}"
        )
    if table.keeps_absent_figures:
        absent = [
            column.name
            for column in table.columns
            if not column.required and extract.frame[column.name].isna().any()
        ]
        if absent:
            kept = ", ".join(
                f"{name} = coalesce(staged.{name}, stored.{name})" for name in map(quoted, absent)
            )
            connection.execute(f"UPDATE staged SET {kept} FROM {stored} WHERE {same_key}")


def _no_change(
    connection: duckdb.DuckDBPyConnection, table: Table
) -> tuple[int, int, int, int, int]:
    total = connection.execute(f"SELECT count(*) FROM {raw_name(table)}").fetchone()
    assert total is not None
    return 0, 0, 0, 0, total[0]


def _roll_back(connection: duckdb.DuckDBPyConnection) -> None:
    # DuckDB may have rolled back already.
    with suppress(duckdb.Error):
        connection.execute("ROLLBACK")
