"""What the dashboard shows: charts, their place, and the filters above them.

Nothing here is computed: every figure is a column of a published mart. Where a chart wants one
value per category it asks for ``MAX`` of a column that has one row there; the mart's grain, with
the chart's own filters, makes sure of that, and a test compares with plain SQL.
"""

from __future__ import annotations

from dataclasses import dataclass, field

DASHBOARD = "Bitcoin miners and the AI story"
DASHBOARD_SLUG = "bitcoin-miners"
DASHBOARD_WORDS = (
    "The miner sell-off of 26 March 2025, and every later one, from published and cited figures. "
    "An abnormal return is what a market model, fitted before the event, leaves of a return."
)
# The event of the story; any other is one click away in the filter.
FIRST_EVENT = "msft-2gw-mar"

PERCENT = ".1%"
NUMBER = ",.0f"
DECIMALS = ",.2f"
USD = "$,.2f"
# Four significant digits of whatever unit: years, blocks and billions stand in one column.
DIGITS = ",.4~r"
# Superset's own: 1.2B instead of d3's 1.2G.
SHORT = "SMART_NUMBER"

# Of Okabe and Ito: told apart by colour-blind readers.
BLUE, ORANGE, GREEN = "#0072B2", "#E69F00", "#009E73"


@dataclass(frozen=True)
class Where:
    """A chart's own condition: ``column operator value``, or any SQL in ``sql`` alone."""

    column: str = ""
    operator: str = "=="
    value: str | bool | tuple[str, ...] | None = None
    sql: str = ""


@dataclass(frozen=True)
class Derived:
    """A column that Superset computes when it asks; it must read the same in every database."""

    table: str
    name: str
    expression: str
    description: str
    type: str = "VARCHAR"


@dataclass(frozen=True)
class Chart:
    """One chart over one mart.

    ``kind``     table, bar (lying, the first category on top), line, step or scatter
    ``columns``  of a table; else the category or time, then the column that makes the series
    ``measure``  column of the values of a chart that is no table
    ``order``    columns a table is sorted by, or the measure; ``-`` before it for descending
    ``formats``  column to d3 format; ``labels``: column to heading, where its name says too little
    """

    slug: str
    title: str
    words: str
    kind: str
    table: str
    columns: tuple[str, ...]
    measure: str = ""
    measure_label: str = ""
    where: tuple[Where, ...] = ()
    order: tuple[str, ...] = ()
    formats: dict[str, str] = field(default_factory=dict)
    widths: dict[str, int] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    color: str = BLUE
    currency: str = ""
    axis_from_zero: bool = True
    searchable: bool = False


@dataclass(frozen=True)
class Filter:
    """A filter above the dashboard. ``charts`` are those it changes."""

    slug: str
    name: str
    words: str
    table: str
    column: str
    charts: tuple[str, ...]
    several: bool
    first: tuple[str, ...] = ()


_LINK = "'<a href=\"' || {url} || '\" target=\"_blank\">' || {name} || '</a>'"
_LINK_WORDS = "The page that states it, as a link that Superset can draw."

DERIVED = (
    Derived(
        "selloff_verdicts",
        "event_id",
        "study_id",
        "study_id under the name that the event filter asks for; a set of events has its own.",
    ),
    Derived(
        "fct_capex_announcements",
        "source_link",
        _LINK.format(url="source_url", name="source_name"),
        _LINK_WORDS,
    ),
    Derived(
        "fct_claim_checks",
        "source_link",
        _LINK.format(url="source_url", name="source_name"),
        _LINK_WORDS,
    ),
    Derived(
        "dim_event",
        "source_link",
        _LINK.format(url="source_url", name="'source'"),
        _LINK_WORDS,
    ),
    Derived(
        "fct_hyperscaler_capex",
        "company_period",
        "company || ' ' || fiscal_period",
        "Company and period: one line of guidance.",
    ),
)

_OK = Where("status", "==", "ok")
_MINERS_AT_T0 = (
    Where("metric", "==", "hpc_contracted_mw"),
    Where("group_id", "==", "miners"),
    Where("window_id", "==", "[0,0]"),
)

CHARTS = (
    Chart(
        "event",
        "What happened, and on which session it is priced",
        "The event of the filter above. t0 is the first session whose close comes after the news.",
        "table",
        "dim_event",
        ("title", "news_date", "news_timing", "t0", "previous_session", "note", "source_link"),
        order=("t0",),
        widths={"title": 330, "note": 520},
        labels={"t0": "event session (t0)", "source_link": "source"},
    ),
    Chart(
        "raw-returns",
        "Return on the day, the largest fall on top",
        "Close of the session before to the close of the event session.",
        "bar",
        "selloff_summary",
        ("ticker",),
        measure="raw_return",
        measure_label="Return",
        where=(_OK,),
        order=("raw_return",),
        formats={"raw_return": PERCENT},
        color=BLUE,
    ),
    Chart(
        "abnormal-returns",
        "Abnormal return: what the market does not explain",
        "Return less what the market model, fitted before the event, expects of the share.",
        "bar",
        "selloff_summary",
        ("ticker",),
        measure="abnormal_return",
        measure_label="Abnormal return",
        where=(_OK,),
        order=("abnormal_return",),
        formats={"abnormal_return": PERCENT},
        color=ORANGE,
    ),
    Chart(
        "firms",
        "Firm by firm",
        "A p above 0.05 does not tell the move from an ordinary day. Megawatts are those "
        "contracted for AI, known at the close before; N/A means not known, which is not zero.",
        "table",
        "selloff_summary",
        (
            "ticker",
            "name",
            "close_before_usd",
            "close_usd",
            "raw_return",
            "market_part",
            "intercept_part",
            "abnormal_return",
            "p_two_sided",
            "intraday_low_return",
            "hpc_contracted_mw",
            "hpc_status",
        ),
        where=(_OK,),
        order=("raw_return", "ticker"),
        formats={
            "close_before_usd": DECIMALS,
            "close_usd": DECIMALS,
            "raw_return": PERCENT,
            "market_part": PERCENT,
            "intercept_part": PERCENT,
            "abnormal_return": PERCENT,
            "intraday_low_return": PERCENT,
            "p_two_sided": DECIMALS,
            "hpc_contracted_mw": NUMBER,
        },
        labels={
            "p_two_sided": "p",
            "hpc_contracted_mw": "AI contracted, MW",
            "hpc_status": "how it is known",
        },
    ),
    Chart(
        "verdicts",
        "What the tests say of each group together",
        "Only tests that allow for the shared date count. A mean move smaller than the one named "
        "under 'seen from' may well go unseen.",
        "table",
        "selloff_verdicts",
        ("group_title", "n_firms", "caar", "headline_p", "mde_80pct", "verdict_id", "verdict"),
        where=(
            Where("kind", "==", "event"),
            Where("window_id", "==", "[0,0]"),
            Where("is_headline", "==", True),
            Where("verdict_id", "!=", "no_data"),
        ),
        order=("group_title",),
        formats={"caar": PERCENT, "mde_80pct": PERCENT, "headline_p": DECIMALS},
        widths={"group_title": 210, "verdict": 760},
        labels={
            "group_title": "group",
            "n_firms": "firms",
            "caar": "mean abnormal return",
            "headline_p": "p",
            "mde_80pct": "seen from",
            "verdict_id": "verdict",
            "verdict": "in words",
        },
    ),
    Chart(
        "exposure-mw",
        "AI megawatts under contract at the close before",
        "Miners whose megawatts were known then; 0 where a search found no contract.",
        "bar",
        "fct_exposure_ranking",
        ("ticker",),
        measure="exposure",
        measure_label="Megawatts",
        where=(*_MINERS_AT_T0, Where("exposure", "IS NOT NULL")),
        order=("-exposure",),
        formats={"exposure": NUMBER},
        color=GREEN,
    ),
    Chart(
        "exposure-ranking",
        "Did the more exposed fall more?",
        "Rank 1 is the most exposed, and the lowest abnormal return. Firms without a rank lack "
        "one of the two figures; status says which.",
        "table",
        "fct_exposure_ranking",
        ("ticker", "exposure", "exposure_rank", "raw_return", "car", "abnormal_rank", "status"),
        where=_MINERS_AT_T0,
        order=("exposure_rank", "ticker"),
        labels={"exposure": "MW", "car": "abnormal return"},
        formats={
            "exposure": NUMBER,
            "exposure_rank": ",.1f",
            "abnormal_rank": ",.1f",
            "raw_return": PERCENT,
            "car": PERCENT,
        },
    ),
    Chart(
        "announcements-timeline",
        "Capacity announced to customers, megawatts",
        "Contracts, expansions and options of miners for AI capacity; several of one company on a "
        "day are added up.",
        "scatter",
        "fct_capex_announcements",
        ("announced_on", "company"),
        measure="capacity_change_mw",
        measure_label="Megawatts",
        where=(Where("capacity_change_mw", "IS NOT NULL"),),
        formats={"capacity_change_mw": NUMBER},
    ),
    Chart(
        "announcements",
        "Announcements, the newest first",
        "Every dated and cited announcement of the ledger.",
        "table",
        "fct_capex_announcements",
        (
            "announced_on",
            "company",
            "counterparty",
            "kind",
            "power_mw",
            "power_basis",
            "value_usd",
            "term_years",
            "source_link",
            "source_quality",
        ),
        order=("-announced_on", "announcement_id"),
        formats={"power_mw": NUMBER, "value_usd": SHORT, "term_years": "~r"},
        currency="value_usd",
        labels={"power_mw": "MW", "source_link": "source", "source_quality": "grade"},
        searchable=True,
    ),
    Chart(
        "capex-guidance",
        "Capital expenditure the cloud companies guided to",
        "One line per company and period: each point is a statement, each step a revision. Ranges "
        "are drawn at their middle; the definitions of companies differ.",
        "step",
        "fct_hyperscaler_capex",
        ("announced_on", "company_period"),
        measure="guidance_central_usd",
        measure_label="Guidance",
        where=(
            Where(sql="guidance_on = announced_on"),
            Where("guidance_central_usd", "IS NOT NULL"),
        ),
        formats={"guidance_central_usd": SHORT},
        currency="guidance_central_usd",
    ),
    Chart(
        "hashprice",
        "Hashprice, USD per PH/s and day",
        "What one PH/s is expected to earn in a day, from subsidy and mean fees.",
        "line",
        "fct_mining_economics",
        ("date_utc",),
        measure="hashprice_usd_ph",
        measure_label="USD per PH/s and day",
        where=(Where("hashprice_usd_ph", "IS NOT NULL"),),
        formats={"hashprice_usd_ph": USD},
        color=ORANGE,
    ),
    Chart(
        "hashrate",
        "Network hashrate, EH/s, mean of seven days",
        "As difficulty and blocks imply it.",
        "line",
        "fct_mining_economics",
        ("date_utc",),
        measure="network_eh_s_7d",
        measure_label="EH/s",
        where=(Where("network_eh_s_7d", "IS NOT NULL"),),
        formats={"network_eh_s_7d": NUMBER},
        color=BLUE,
        axis_from_zero=False,
    ),
    Chart(
        "scenario-value",
        "Value of converting power to AI hosting, by scenario",
        "Net present value on the newest day with prices, of miners whose power is known. A "
        "scenario is no forecast: its assumptions are in dim_scenario_assumption.",
        "bar",
        "fct_valuation_scenario",
        ("ticker", "scenario_id"),
        measure="npv_usd",
        measure_label="Net present value",
        where=(Where("is_latest", "==", True), _OK),
        order=("-npv_usd",),
        formats={"npv_usd": SHORT},
        currency="npv_usd",
    ),
    Chart(
        "scenario-all-miners",
        "All miners together, beside what others published",
        "Sums over miners with known power. anchor: published figures.",
        "table",
        "fct_scenario_universe",
        (
            "scenario_id",
            "as_of_date",
            "n_capacity_known",
            "converted_gross_mw",
            "npv_per_mw_usd",
            "npv_usd",
            "npv_to_yearly_profit",
            "anchor_npv_usd",
            "anchor_npv_to_yearly_profit",
        ),
        order=("scenario_id", "-as_of_date"),
        formats={
            "converted_gross_mw": NUMBER,
            "npv_per_mw_usd": SHORT,
            "npv_usd": SHORT,
            "anchor_npv_usd": SHORT,
            "npv_to_yearly_profit": DECIMALS,
            "anchor_npv_to_yearly_profit": DECIMALS,
        },
    ),
    Chart(
        "claims",
        "The press story, claim by claim",
        "holds, partly, fails or not checkable, and why; deciding_query shows the figures.",
        "table",
        "fct_claim_checks",
        (
            "claim",
            "verdict",
            "reason",
            "claimed_low",
            "claimed_high",
            "claimed_unit",
            "computed_low",
            "computed_high",
            "computed_unit",
            "source_link",
        ),
        order=("verdict", "claim_id"),
        formats={
            "claimed_low": DIGITS,
            "claimed_high": DIGITS,
            "computed_low": DIGITS,
            "computed_high": DIGITS,
        },
        widths={"claim": 260, "reason": 430, "source_link": 150},
        labels={"claimed_unit": "unit", "computed_unit": "unit", "source_link": "source"},
        searchable=True,
    ),
)

# Tabs of rows of (chart, width in twelfths); a row is as high as the number after it.
TABS: tuple[tuple[str, tuple[tuple[int, tuple[tuple[str, int], ...]], ...]], ...] = (
    (
        "The sell-off",
        (
            (22, (("event", 12),)),
            (58, (("raw-returns", 6), ("abnormal-returns", 6))),
            (82, (("verdicts", 12),)),
            (66, (("firms", 12),)),
        ),
    ),
    (
        "AI exposure and deals",
        (
            (66, (("exposure-mw", 5), ("exposure-ranking", 7))),
            (58, (("announcements-timeline", 6), ("capex-guidance", 6))),
            (80, (("announcements", 12),)),
        ),
    ),
    (
        "Mining and scenarios",
        (
            (56, (("hashprice", 6), ("hashrate", 6))),
            (58, (("scenario-value", 5), ("scenario-all-miners", 7))),
        ),
    ),
    ("Claims, checked", ((100, (("claims", 12),)),)),
)

FILTERS = (
    Filter(
        "event",
        "Event",
        "Changes what is priced on an event session.",
        "dim_event",
        "event_id",
        (
            "event",
            "raw-returns",
            "abnormal-returns",
            "firms",
            "verdicts",
            "exposure-mw",
            "exposure-ranking",
        ),
        several=False,
        first=(FIRST_EVENT,),
    ),
    Filter(
        "role",
        "Kind of firm",
        "miner, hyperscaler or ai_infrastructure; for the charts of returns.",
        "selloff_summary",
        "role",
        ("raw-returns", "abnormal-returns", "firms"),
        several=True,
        first=("miner",),
    ),
    Filter(
        "ticker",
        "Ticker",
        "Narrows every chart of single firms; none chosen means all.",
        "dim_company",
        "ticker",
        (
            "raw-returns",
            "abnormal-returns",
            "firms",
            "exposure-mw",
            "exposure-ranking",
            "announcements-timeline",
            "announcements",
            "scenario-value",
        ),
        several=True,
    ),
)
