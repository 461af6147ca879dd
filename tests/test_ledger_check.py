"""The check of the ledger: one mistake put into the bundled files, one line that explains it."""

from __future__ import annotations

import csv
import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from dagster_project.contracts import Level
from dagster_project.ledger_check import LEDGER, Finding, check_ledger, run_check
from dagster_project.settings import BUNDLED_DATA_DIR
from tests.warehouse_builder import settings_for

# The bundled ledger speaks of days up to the spring of 2026.
TODAY = date(2026, 11, 23)
Row = dict[str, str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(BUNDLED_DATA_DIR / "ledger", tmp_path / "ledger")
    return tmp_path


def rewrite(folder: Path, file: str, edit: Edit) -> None:
    path = folder / "ledger" / f"{file}.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    header = list(rows[0])
    edit(rows)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, [*header, *(n for n in rows[0] if n not in header)])
        writer.writeheader()
        writer.writerows(rows)


@dataclass(frozen=True)
class Edit:
    """Write ``values`` into the one row that has all of ``row``, or into a copy at the end."""

    match: tuple[tuple[str, str], ...]
    values: tuple[tuple[str, str], ...]
    is_copy: bool = False

    @property
    def row(self) -> str:
        return str(self.match[:2])

    def __call__(self, rows: list[Row]) -> None:
        (chosen,) = [r for r in rows if all(r[name] == value for name, value in self.match)]
        for other in rows:
            for name, _ in self.values:
                other.setdefault(name, "")
        if self.is_copy:
            rows.append({**chosen, **dict(self.values)})
        else:
            chosen.update(self.values)


def put(row: Row, **values: str) -> Edit:
    return Edit(tuple(row.items()), tuple(values.items()))


def copy(row: Row, **values: str) -> Edit:
    return Edit(tuple(row.items()), tuple(values.items()), is_copy=True)


A200 = {"announcement_id": "corz-coreweave-200mw"}
DENTON = {"announcement_id": "corz-coreweave-denton-70mw"}
BID = {"announcement_id": "corz-coreweave-bid-rejected"}
F590 = {"ticker": "CORZ", "metric": "contracted_hpc_mw", "value": "590"}
BITF_POWER = {"ticker": "BITF", "metric": "total_power_capacity_mw", "value": "461"}
REVENUE = {"ticker": "CORZ", "metric": "hpc_revenue_usd", "as_of_date": "2025-03-31"}
GUIDED = {"ticker": "ORCL", "fiscal_period": "FY2026", "announced_on": "2025-06-11"}
REPORTED = {"ticker": "ORCL", "fiscal_period": "FY2025Q4"}
EVENT = {"event_id": "msft-2gw-mar"}

ALIAS = {"ticker": "BITF", "symbol": "KEEL"}

ERRORS: list[tuple[str, str, Edit, str, str]] = [
    (
        "end before start",
        "symbol_aliases",
        put(ALIAS, valid_to_date="2020-01-01"),
        "valid_to_date",
        "valid_to_date lies before valid_from_date",
    ),
    (
        "alias of itself",
        "symbol_aliases",
        put(ALIAS, symbol="BITF"),
        "symbol",
        "symbol is the ticker itself",
    ),
    (
        "unknown ticker",
        "announcements",
        put(A200, ticker="CORX"),
        "ticker",
        "value CORX is not in companies",
    ),
    (
        "unknown ticker",
        "company_facts",
        put(F590, ticker="CORX"),
        "ticker",
        "value CORX is not in companies",
    ),
    (
        "unknown ticker",
        "coverage",
        put({"ticker": "WULF"}, ticker="WLF"),
        "ticker",
        "value WLF is not in companies",
    ),
    (
        "unknown ticker",
        "events",
        put(EVENT, tickers_named="CORZ;CX"),
        "tickers_named",
        "value CX is not in companies",
    ),
    (
        "no such day",
        "announcements",
        put(A200, announced_on="2024-06-31"),
        "announced_on",
        "is not a date",
    ),
    (
        "known before",
        "announcements",
        put(A200, known_at="2024-06-02"),
        "known_at",
        "before announced_on",
    ),
    (
        "known before",
        "company_facts",
        put(F590, known_at="2025-02-25"),
        "known_at",
        "before the day",
    ),
    (
        "month known early",
        "announcements",
        put({"announcement_id": "iren-horizon1-75mw"}, known_at="2025-02-27"),
        "known_at",
        "from the month's end",
    ),
    (
        "month with a day",
        "announcements",
        put({"announcement_id": "iren-horizon1-75mw"}, announced_on="2025-02-02"),
        "announced_on",
        "not its first day",
    ),
    (
        "end before start",
        "hyperscaler_capex",
        put(REPORTED, period_end="2025-02-01"),
        "period_end",
        "ends before it starts",
    ),
    (
        "end before start",
        "company_facts",
        put(REVENUE, period_start="2025-04-01"),
        "period_start",
        "runs backward",
    ),
    (
        "wrong length",
        "company_facts",
        put(REVENUE, period_start="2024-01-01"),
        "period_start",
        "not as long",
    ),
    (
        "point with a start",
        "company_facts",
        put(F590, period_start="2025-01-01"),
        "period_start",
        "point in time has none",
    ),
    (
        "future",
        "announcements",
        put(A200, announced_on="2042-06-03", known_at="2042-06-03"),
        "announced_on",
        "in the future: 2042",
    ),
    (
        "future",
        "company_facts",
        put(F590, as_of_date="2042-02-26", known_at="2042-02-26"),
        "as_of_date",
        "in the future",
    ),
    ("future", "events", put(EVENT, news_date="2042-03-26", t0=""), "news_date", "in the future"),
    (
        "future",
        "coverage",
        put({"ticker": "WULF"}, searched_to="2042-01-01"),
        "searched_to",
        "in the future",
    ),
    (
        "future",
        "press_claims",
        put({"claim_id": "msft-2gw"}, claim_date="2042-01-01"),
        "claim_date",
        "in the future",
    ),
    (
        "future",
        "companies",
        put({"ticker": "CRWV"}, first_session="2042-01-01"),
        "first_session",
        "in the future",
    ),
    ("session before news", "events", put(EVENT, t0="2025-03-25"), "t0", "before news_date"),
    (
        "backward estimation",
        "events",
        put(EVENT, estimation_first_day="-11", estimation_last_day="-260"),
        "estimation_last_day",
        "ends before it starts",
    ),
    (
        "short estimation",
        "events",
        put(EVENT, estimation_first_day="-30"),
        "estimation_first_day",
        "fewer sessions than min_estimation_sessions of study/parameters.csv: -30 to -11",
    ),
    (
        "estimation in a window",
        "events",
        put(EVENT, estimation_last_day="-3"),
        "estimation_last_day",
        "reaches into an event window of study/windows.csv, which begins at -5",
    ),
    (
        "reported early",
        "hyperscaler_capex",
        put(REPORTED, announced_on="2025-05-30"),
        "announced_on",
        "before its period is over",
    ),
    (
        "guided late",
        "hyperscaler_capex",
        put(GUIDED, announced_on="2026-06-01"),
        "announced_on",
        "after its period",
    ),
    ("no address", "announcements", put(A200, source_url=""), "source_url", "value is required"),
    ("no address", "company_facts", put(F590, source_url=""), "source_url", "value is required"),
    (
        "no address",
        "press_claims",
        put({"claim_id": "msft-2gw"}, source_url="n/a"),
        "source_url",
        "does not look like an address",
    ),
    ("no unit", "company_facts", put(F590, unit=""), "unit", "value is required"),
    (
        "wrong unit",
        "company_facts",
        put(F590, unit="USD"),
        "unit",
        "USD, but contracted_hpc_mw is in MW",
    ),
    ("no unit", "press_claims", put({"claim_id": "msft-2gw"}, unit=""), "unit", "without a unit"),
    (
        "grade",
        "announcements",
        put(A200, source_url="https://www.example.com/corz"),
        "source_quality",
        "primary does not fit the address: example.com gives news at best",
    ),
    (
        "another company's page",
        "company_facts",
        put(
            {**F590, "source_quality": "news"},
            source_url="https://hut8.com/x",
            source_quality="primary",
        ),
        "source_quality",
        "hut8.com gives news at best",
    ),
    (
        "grade of a repost",
        "announcements",
        put({"announcement_id": "corz-coreweave-112mw"}, source_quality="news"),
        "source_quality",
        "lnbaode.com gives repost at best",
    ),
    ("same key", "announcements", copy(A200, power_mw="210"), "announcement_id", "same key"),
    ("same row", "company_facts", copy(F590), "ticker", "same key"),
    (
        "fact under two names",
        "announcements",
        copy(
            A200,
            announcement_id="corz-coreweave-june",
            announced_on="2024-06-04",
            known_at="2024-06-04",
        ),
        "announcement_id",
        "under another name: corz-coreweave-200mw",
    ),
    (
        "fact under two names",
        "announcements",
        copy(BID, announcement_id="corz-bid"),
        "announcement_id",
        "under another name: corz-coreweave-bid-rejected",
    ),
    ("no basis", "announcements", put(A200, power_basis=""), "power_basis", "without power_basis"),
    (
        "no basis",
        "company_facts",
        put(BITF_POWER, power_basis=""),
        "power_basis",
        "without power_basis",
    ),
    (
        "mixed megawatts",
        "company_facts",
        put(BITF_POWER, power_basis="critical_it"),
        "power_basis",
        "two kinds of megawatt",
    ),
    (
        "mixed megawatts",
        "company_facts",
        put(F590, power_basis="energised"),
        "power_basis",
        "none of critical_it",
    ),
    (
        "too large for the company",
        "announcements",
        put(A200, power_mw="2000"),
        "power_mw",
        "largest stated total power, 1300.0 MW",
    ),
    (
        "too large for the company",
        "company_facts",
        put(F590, value="5900"),
        "value",
        "largest stated total power, 1300.0 MW",
    ),
    (
        "too large for the site",
        "announcements",
        put(DENTON, power_mw="400"),
        "power_mw",
        "400.0 MW of critical_it contracted up to this row, but the site has 394.0 MW gross",
    ),
    ("negative", "company_facts", put(F590, value="-590"), "value", "negative"),
    ("negative", "announcements", put(A200, power_mw="-200"), "power_mw", "not above 0"),
    (
        "none found, but there",
        "coverage",
        put({"ticker": "CORZ"}, finding="none_found"),
        "finding",
        "found none, but the ledger has a contract: corz-",
    ),
    (
        "unknown metric",
        "coverage",
        put({"ticker": "CORZ"}, metric="hpc_mw"),
        "metric",
        "is none of",
    ),
    (
        "ends nothing",
        "announcements",
        put(DENTON, kind="hpc_termination"),
        "contract_id",
        "does not say of which contract",
    ),
    (
        "no megawatts",
        "announcements",
        put(
            DENTON,
            kind="hpc_reduction",
            power_mw="",
            power_basis="",
            contract_id="corz-coreweave-200mw",
        ),
        "power_mw",
        "by how many megawatts",
    ),
    (
        "unknown contract",
        "announcements",
        put(DENTON, contract_id="wulf-core42-lease"),
        "contract_id",
        "of the same company",
    ),
    (
        "supersedes a later one",
        "announcements",
        put(A200, supersedes="corz-coreweave-112mw"),
        "supersedes",
        "no other announcement",
    ),
]

WARNINGS: list[tuple[str, str, Edit, str, str]] = [
    (
        "two values of one day",
        "company_facts",
        copy(F590, value="610", source_url="https://example.com/a"),
        "value",
        "610.0 critical_it against 590.0 critical_it on 2025-02-26",
    ),
    (
        "two values of one day",
        "hyperscaler_capex",
        copy(REPORTED, capex_usd="9900000000", source_url="https://example.com/a"),
        "capex_usd",
        "is kept beside it",
    ),
    (
        "swapped megawatts",
        "announcements",
        put(A200, power_basis="gross"),
        "value",
        "590.0 against 372.0 MW critical_it",
    ),
    (
        "no day",
        "hyperscaler_capex",
        put(REPORTED, announced_on=""),
        "announced_on",
        "no day on which",
    ),
    (
        "unlisted wording",
        "hyperscaler_capex",
        put(REPORTED, definition="spending"),
        "definition",
        "definition stands alone",
    ),
    (
        "grade too weak",
        "announcements",
        put(A200, source_quality="news"),
        "source_quality",
        "sec.gov is a primary source",
    ),
    (
        "no customer",
        "announcements",
        put(A200, counterparty=""),
        "counterparty",
        "counts for nothing",
    ),
    ("no address", "events", put(EVENT, source_url=""), "source_url", "no address that states"),
]


def found(findings: list[Finding], column: str, words: str, *, is_error: bool) -> list[Finding]:
    return [
        f for f in findings if f.column == column and words in f.what and f.is_error is is_error
    ]


@pytest.fixture(scope="module")
def bundled_findings() -> list[Finding]:
    return check_ledger(BUNDLED_DATA_DIR, today=TODAY)


CASES = [
    pytest.param(number, *case[3:], is_error, id=f"{case[0]} in {case[1]} ({number})")
    for number, (case, is_error) in enumerate(
        [*((case, True) for case in ERRORS), *((case, False) for case in WARNINGS)]
    )
]


@pytest.fixture(scope="module")
def mutated(tmp_path_factory: pytest.TempPathFactory) -> dict[int, list[Finding]]:
    """Findings for every case. Cases share a folder where they change different rows."""
    folders: list[tuple[Path, set[tuple[str, str]], list[int]]] = []
    for number, (_, file, edit, _, _) in enumerate((*ERRORS, *WARNINGS)):
        row = (file, edit.row)
        place = next((f for f in folders if row not in f[1]), None)
        if place is None:
            place = (tmp_path_factory.mktemp("mutated"), set(), [])
            shutil.copytree(BUNDLED_DATA_DIR / "ledger", place[0] / "ledger")
            folders.append(place)
        rewrite(place[0], file, edit)
        place[1].add(row)
        place[2].append(number)
    found_in: dict[int, list[Finding]] = {}
    for folder, _, numbers in folders:
        findings = check_ledger(folder, today=TODAY)
        found_in |= dict.fromkeys(numbers, findings)
    return found_in


@pytest.mark.parametrize(("number", "column", "words", "is_error"), CASES)
def test_a_mistake_is_named_with_its_column_and_how_to_mend_it(
    mutated: dict[int, list[Finding]],
    bundled_findings: list[Finding],
    number: int,
    column: str,
    words: str,
    is_error: bool,
) -> None:
    file = (*ERRORS, *WARNINGS)[number][1]

    def named(findings: list[Finding]) -> list[Finding]:
        return [
            finding
            for finding in findings
            if finding.column == column
            and words in finding.what
            and finding.is_error is is_error
            and Path(finding.file).stem in {file, "company_facts"}
        ]

    new = len(named(mutated[number])) - len(named(bundled_findings))
    assert new >= 1, "\n".join(map(str, mutated[number]))
    assert all(finding.mend and finding.line > 1 for finding in named(mutated[number]))


def test_every_rule_of_the_ledger_has_a_mutation_that_breaks_it(
    mutated: dict[int, list[Finding]],
) -> None:
    """A rule that no case breaks could be one that cannot fail."""
    reasons = {rule.reason for table in LEDGER for rule in table.rules}
    whats = {finding.what for findings in mutated.values() for finding in findings}
    unbroken = {r for r in reasons if not any(what.startswith(r) for what in whats)}
    # A range of the press that runs downward is the contract tests' affair.
    assert unbroken == {"value_low is above value_high"}


def test_the_bundled_ledger_has_no_error_and_keeps_its_conflicts_in_sight(
    bundled_findings: list[Finding],
) -> None:
    assert [str(finding) for finding in bundled_findings if finding.is_error] == []
    conflicts = [f.what for f in bundled_findings if f.file.endswith("company_facts.csv")]
    assert any("461.0 energised against 623.0 under_management" in what for what in conflicts)
    assert any("544.0 against 300.0 MW gross" in what for what in conflicts)


def test_all_problems_are_listed_file_by_file(folder: Path, capsys) -> None:
    rewrite(folder, "announcements", put(A200, ticker="CORX", power_mw="many", source_url=""))
    rewrite(folder, "company_facts", put(F590, unit="USD"))
    rewrite(folder, "companies", put({"ticker": "CRWV"}, name=""))
    status = run_check(settings_for(folder / "out", folder), today=TODAY)
    printed = capsys.readouterr().out.splitlines()
    assert status == 1
    errors = [line for line in printed if line.startswith("error: ")]
    assert len(errors) == 5, "\n".join(errors)
    # CRWV lacks its name; the rows that refer to it are not blamed for that.
    assert not any("CRWV" in line for line in printed)
    assert printed[-1].startswith("5 errors, ")
    at = next(line for line in printed if "value CORX" in line)
    assert "announcements.csv, line 4, column ticker: " in at
    assert at.endswith("(mend: add the ticker to ledger/companies.csv or correct its spelling)")


def test_only_warnings_are_no_failure(folder: Path, capsys) -> None:
    assert run_check(settings_for(folder / "out", folder), today=TODAY) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("no errors, ")


def test_a_file_that_cannot_be_read_leaves_the_others_checked(folder: Path) -> None:
    (folder / "ledger" / "events.csv").unlink()
    (folder / "ledger" / "coverage.csv").unlink()
    path = folder / "ledger" / "press_claims.csv"
    path.write_text(path.read_text("utf-8").replace("claim_date", "day"), encoding="utf-8")
    rewrite(folder, "company_facts", put(F590, unit="USD"))
    errors = [finding for finding in check_ledger(folder, today=TODAY) if finding.is_error]
    assert [Path(finding.file).name for finding in errors] == [
        "company_facts.csv", "events.csv", "press_claims.csv",
    ]  # fmt: skip
    assert "is missing" in errors[1].what
    assert "missing: claim_date; not known: 'day'" in errors[2].what


def test_an_assumed_lag_may_end_in_the_future(folder: Path) -> None:
    late = put(REVENUE, known_at="2042-01-01")
    rewrite(folder, "company_facts", late)
    assert not [f for f in check_ledger(folder, today=TODAY) if f.is_error]
    rewrite(folder, "company_facts", put(REVENUE, known_at_basis="release_date"))
    assert found(check_ledger(folder, today=TODAY), "known_at", "future", is_error=True)


def test_rules_of_the_load_need_neither_clock_nor_other_tables() -> None:
    for table in LEDGER:
        for rule in table.rules:
            if rule.level is Level.REFUSE:
                assert "raw." not in rule.expression, rule.name
                assert "getvariable" not in rule.expression, rule.name
