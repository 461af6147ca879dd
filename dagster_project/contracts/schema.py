"""The vocabulary of a raw-table contract: pure description, no I/O.

From one ``Table`` follow the parser of its CSV file, its DuckDB DDL, the load
checks, the dbt source definition and the data dictionary.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property


class Kind(StrEnum):
    """Logical type of a column; each has one DuckDB type and one CSV spelling."""

    TEXT = "text"
    DATE = "date"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    INSTANT = "instant"

    @property
    def duckdb_type(self) -> str:
        return {
            Kind.TEXT: "VARCHAR",
            Kind.DATE: "DATE",
            Kind.INTEGER: "BIGINT",
            Kind.NUMBER: "DOUBLE",
            Kind.BOOLEAN: "BOOLEAN",
            Kind.INSTANT: "TIMESTAMP",
        }[self]


@dataclass(frozen=True)
class Reference:
    """Values must exist in another raw table.

    ``refuse=True`` stops the whole load (a fact about an unknown company is a mistake a
    person must mend); ``refuse=False`` only rejects the row. ``separator`` splits a list.
    ``also`` names words that are accepted beside the other table's values; ``when`` is a
    DuckDB condition on the row, for a column that means something else in other rows. ``found``
    is a DuckDB text expression that says more than that the value is not there.
    """

    table: str
    column: str
    refuse: bool
    mend: str
    separator: str = ""
    also: tuple[str, ...] = ()
    when: str = ""
    found: str = ""


# What the patterns accept, for messages: no person should have to read one.
ACCEPTED_FORMS = {
    r"^https?://\S+$": "a web address, like https://example.org/page",
    r'^[^";]+$': 'words without " and ;, like high-performance computing',
    r"^[A-Z0-9-]+(;[A-Z0-9-]+)*$": "forms in capital letters, separated by ';', like 8-K;10-Q",
    r"^[A-Z0-9^][A-Z0-9.\-=^]{0,14}$": "a ticker in capital letters, like MARA or BRK-B",
    r"^\d{10}$": "ten digits, like 0001507605",
    r"^[A-Z]{3}$": "three capital letters, like USD",
    r"^(\*|[a-z][a-z0-9_]*)$": "small letters, digits and _, like close_usd, or *",
    r"^[a-z0-9][a-z0-9\-]*$": "small letters, digits and dashes, like msft-2gw-mar",
    r"^[a-z][a-z0-9_]*$": "small letters, digits and _, a letter first, like market_model",
    r"^[a-z][a-z0-9_-]*$": "small letters, digits, _ and dashes, a letter first, like all-miners",
    r"^\[-?\d+,-?\d+\]$": "two numbers of sessions in brackets, like [-1,1]",
    r"^(latest|\d{4}-\d{2}-\d{2})(;(latest|\d{4}-\d{2}-\d{2}))*$": "dates or the word latest, "
    "separated by ';', like 2025-03-26;latest",
    r"^\d+(\.\d+)?(;\d+(\.\d+)?)*$": "numbers separated by ';', like 250;1.5",
    r"^(critical_it|gross|unknown)(;(critical_it|gross|unknown))*$": "the words critical_it, gross "
    "or unknown, separated by ';'",
    r"^[A-Z][A-Za-z0-9]*$": "a name of XBRL, like PaymentsToAcquireProductiveAssets",
    r"^\d{10}-\d{2}-\d{6}$": "an accession number, like 0001193125-25-066404",
}


@dataclass(frozen=True)
class Column:
    """One column: meaning, type and the values it may hold.

    ``at_least`` and ``at_most`` are inclusive, ``above`` is exclusive. ``in_file=False``
    marks a column that the file may leave out altogether (its values are then missing).
    ``looks_like`` says in words what ``pattern`` asks for.
    """

    name: str
    kind: Kind
    description: str
    required: bool = False
    in_file: bool = True
    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    one_of: tuple[str, ...] = ()
    pattern: str = ""
    looks_like: str = ""
    max_length: int = 2000
    reference: Reference | None = None

    @property
    def accepted_form(self) -> str:
        """What ``pattern`` accepts, in words with an example."""
        return self.looks_like or ACCEPTED_FORMS[self.pattern]


class Level(StrEnum):
    """What happens to a row that breaks a rule.

    ``REFUSE``: the load refuses it. ``CHECK``: only the check of the ledger calls it an
    error, because the rule needs today's date, other tables or a list that another data
    folder does not have. ``WARN``: it stays as it is, and a person should know.
    """

    REFUSE = "refuse"
    CHECK = "check"
    WARN = "warn"


@dataclass(frozen=True)
class RowRule:
    """A rule over several columns of one row: a DuckDB boolean expression.

    It may look at other rows of the same batch (table ``incoming``) and, above the level
    REFUSE, at other raw tables. ``found`` is a DuckDB text expression that ends the reason;
    ``column`` is the column to look at and ``mend`` what to do.
    """

    name: str
    expression: str
    reason: str
    column: str = ""
    mend: str = ""
    found: str = ""
    level: Level = Level.REFUSE


@dataclass(frozen=True)
class TableRule:
    """A rule over all rows of a table: a DuckDB boolean expression of aggregates.

    ``found`` is a DuckDB expression for what there is instead, as text. A table that
    breaks the rule is refused as a whole.
    """

    name: str
    expression: str
    reason: str
    found: str
    mend: str


@dataclass(frozen=True)
class Table:
    """Contract of one raw table.

    ``key`` is the grain. ``time_column`` marks a series that is loaded by date windows;
    ``symbol_column`` is the part of its key by which vendors are asked, where there is one.
    ``max_rejected_share`` is the share of rows that may break the contract before the
    whole batch is refused; ``max_removed_share`` the share of loaded rows that a complete
    extract may drop. ``optional`` says that a data folder may lack the file;
    ``default_from_bundled`` that the project's own file then stands in. ``required_keys``
    are the keys without which the table is refused: what reads it has no default for them.

    Two rules for the parts in which a vendor answers: where ``keeps_absent_figures``, a figure
    that the vendor did not serve leaves the stored one as it is (each figure stands by itself;
    prices of one bar do not, for a split rewrites all of them); rows that meet ``placeholder``
    (a DuckDB condition) only say that there is something to read, and never replace a row.
    """

    name: str
    file: str
    description: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    time_column: str = ""
    symbol_column: str = ""
    optional: bool = True
    default_from_bundled: bool = False
    max_rejected_share: float = 0.0
    max_removed_share: float = 0.2
    rules: tuple[RowRule, ...] = field(default_factory=tuple)
    required_keys: tuple[str, ...] = ()
    table_rules: tuple[TableRule, ...] = ()
    keeps_absent_figures: bool = False
    placeholder: str = ""

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @cached_property
    def stored_columns(self) -> tuple[Column, ...]:
        """The contract's own columns followed by the provenance every row carries."""
        return self.columns + tuple(c for c in PROVENANCE if c.name not in self.column_names)

    @cached_property
    def fingerprint(self) -> str:
        """Changes when the stored shape changes: names, types, needed values, order or key."""
        shape = [
            f"{c.name} {c.kind.duckdb_type}{' NOT NULL' if c.required else ''}"
            for c in self.stored_columns
        ]
        return hashlib.sha256("|".join([*shape, *self.key]).encode()).hexdigest()[:16]

    @property
    def referenced_tables(self) -> tuple[str, ...]:
        names = {c.reference.table for c in self.columns if c.reference}
        return tuple(sorted(names - {self.name}))


PROVENANCE = (
    Column("source", Kind.TEXT, "Who the figure is from.", required=True, in_file=False),
    Column(
        "source_url",
        Kind.TEXT,
        "Public address of the figure, where there is one.",
        in_file=False,
        pattern=r"^https?://\S+$",
    ),
    Column(
        "retrieved_at",
        Kind.INSTANT,
        "When this value was first read from its source (UTC).",
        required=True,
        in_file=False,
    ),
    Column(
        "batch_id",
        Kind.TEXT,
        "Load that wrote this value; `ingest.batches` has its row.",
        required=True,
        in_file=False,
    ),
)
