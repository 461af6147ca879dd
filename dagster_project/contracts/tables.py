"""The contracts of every raw table: the one place that says what the project stores.

Bounds are sanity limits, not opinions: a value outside them is a broken feed or a slip
of the keyboard. Each limit that is not obvious says where it comes from.
"""

from __future__ import annotations

from dagster_project.contracts.schema import (
    Column,
    Kind,
    Level,
    Reference,
    RowRule,
    Table,
    TableRule,
)

QUALITY_GRADES = ("primary", "press_release_copy", "news", "repost")
ROLES = (
    "miner",
    "hyperscaler",
    "ai_infrastructure",
    "benchmark",
    "bitcoin_proxy",
    # Words of any panel: a firm that is studied, and what it is held against (a benchmark).
    "firm",
    "index",
)

# Tables that vendors can be asked for, and the vendors there are (sources/live).
LIVE_TABLES = (
    "equity_prices",
    "equity_closes_second_source",
    "equity_splits",
    "equity_dividends",
    "btc_prices",
    "btc_prices_second_source",
    "btc_hourly_prices",
    "network_metrics",
    "network_metrics_second_source",
    "filing_candidates",
    "xbrl_facts",
)
# How many days old the newest figure of a live series may be before its source counts as stale:
# a weekend with a holiday for shares; for bitcoin the day that is not over and the one before;
# network figures come a day or two later. Filings and reported figures come when they come.
LATE_AFTER_DAYS = {
    "equity_prices": 5,
    "equity_closes_second_source": 5,
    "btc_prices": 2,
    "btc_prices_second_source": 2,
    "btc_hourly_prices": 2,
    "network_metrics": 3,
    "network_metrics_second_source": 4,
}
VENDORS = (
    "yahoo",
    "tiingo",
    "coinbase",
    "kraken",
    "coinmetrics",
    "mempool",
    "blockchain_com",
    "sec_edgar",
)

# The factor that is not a ticker: the warehouse chooses its series, event by event.
BITCOIN_FACTOR = "bitcoin"
PARAMETERS = (
    "estimation_first_day",
    "estimation_last_day",
    "min_estimation_sessions",
    "short_window_sessions",
    "min_common_sessions",
    "pue_assumed",
)
# The one parameter that is a name, and may be left out.
CALENDAR_PARAMETER = "calendar"
DEFAULT_CALENDAR = "XNYS"
# Figures that the ledger keeps of a company, with the unit each of them has.
METRIC_UNITS = {
    "btc_held": "BTC",
    "btc_produced": "BTC",
    "capex_usd": "USD",
    "contracted_hpc_mw": "MW",
    "energized_hashrate_eh_s": "EH/s",
    "hpc_revenue_usd": "USD",
    "market_cap_usd": "USD",
    "net_debt_usd": "USD",
    "operational_hpc_mw": "MW",
    "pipeline_mw": "MW",
    "shares_outstanding": "shares",
    "total_power_capacity_mw": "MW",
    "total_revenue_usd": "USD",
}
METRICS = tuple(METRIC_UNITS)
# Announcements that contract capacity to a customer, where they name one.
CONTRACT_KINDS = ("hpc_contract", "hpc_expansion", "hpc_option_exercise", "ai_cloud_contract")
# Which megawatt a contract counts: IT load, site power, or not said.
POWER_BASES = ("critical_it", "gross", "unknown")
# What a miner's AI exposure can be at an event.
EXPOSURES = ("contracted", "none_found", "unknown")
# Factors of the rolling betas that are the mean of several shares.
BASKETS = ("ai",)

# What a scenario must assume: unit, smallest and largest value that can be meant.
SCENARIO_INPUTS: dict[str, tuple[str, float, float]] = {
    "share_converted_pct": ("percent", 0, 100),
    "ramp_years": ("years", 1, 50),
    "horizon_years": ("years", 1, 60),
    "discount_rate_pct": ("percent", 0, 100),
    "revenue_per_mw_year_usd": ("USD per MW and year", 0, 1e9),
    "utilisation_pct": ("percent", 0, 100),
    "margin_pct": ("percent", 0, 100),
    "capex_per_mw_usd": ("USD per MW", 0, 1e9),
    "pue": ("MW per MW", 1, 3),
    "mining_efficiency_j_th": ("J/TH", 1, 200),
    "power_price_usd_mwh": ("USD per MWh", 0, 1000),
    "mining_uptime_pct": ("percent", 0, 100),
    "hashprice_mean_days": ("days", 1, 365),
    "dc_ev_per_mw_usd": ("USD per MW", 0, 1e9),
    "own_ev_per_mw_usd": ("USD per MW", 0, 1e9),
}
# In place of the network's own figure of the day.
SCENARIO_OVERRIDES: dict[str, tuple[str, float, float]] = {
    "hashprice_usd_ph": ("USD per PH/s and day", 0, 1e5),
}
# What others published as results: shown beside ours, never used in the computation.
SCENARIO_ANCHORS: dict[str, tuple[str, float, float]] = {
    "anchor_npv_usd": ("USD", -1e14, 1e14),
    "anchor_yearly_profit_usd": ("USD per year", -1e13, 1e13),
    "anchor_n_miners": ("companies", 1, 1000),
}

# What a check of a claim can measure: its unit, and the fields of the check that it needs.
# macro claim_measures says what each is and which mart it comes from.
CLAIM_MEASURES: dict[str, tuple[str, tuple[str, ...]]] = {
    "fall_at_close": ("percent", ("event_id", "tickers")),
    "fall_at_intraday_low": ("percent", ("event_id", "tickers")),
    "event_session": ("date", ("event_id",)),
    "mean_return": ("percent", ("role", "first_date", "last_date")),
    "contracted_less_none_return": ("percentage points", ("first_date", "last_date")),
    "miners_with_ai_contracts": ("companies", ("last_date",)),
    "bitcoin_return": ("percent", ("first_date", "last_date")),
    "bitcoin_below_high": ("percent", ("first_date", "last_date")),
    "miner_revenue": ("USD", ("first_date", "last_date")),
    "block_subsidy": ("BTC per block", ("first_date", "last_date")),
    "halving_date": ("date", ("last_date",)),
    "halving_year": ("year", ("last_date",)),
    "halving_height": ("block", ("last_date",)),
    "announced_power": ("MW", ("announcement_ids",)),
    "announced_value": ("USD", ("announcement_ids",)),
    "announced_value_per_mw_year": ("USD per MW per year", ("announcement_ids",)),
    "announced_date": ("date", ("announcement_ids",)),
    "cited_value": ("", ("cited_claim_ids",)),
    "cited_date": ("date", ("cited_claim_ids",)),
    "cited_text": ("text", ("cited_claim_ids",)),
    "capex_period_end": ("date", ("tickers", "fiscal_period")),
    "capex_growth": (
        "percent",
        ("tickers", "fiscal_period", "definition", "base_fiscal_period", "base_definition"),
    ),
    "none": ("", ()),
}
NUMBER_COMPARISONS = ("between", "near", "at_least", "at_most", "above", "below")
DATE_COMPARISONS = ("same_date",)
TEXT_COMPARISONS = ("mentions", "mentions_none")
CLAIM_COMPARISONS = (*NUMBER_COMPARISONS, *DATE_COMPARISONS, *TEXT_COMPARISONS, "none")

ANNOUNCEMENT_KINDS = (
    "acquisition",
    "ai_cloud_contract",
    "ai_evaluation",
    "capex_guidance",
    "denial",
    "hpc_contract",
    "hpc_expansion",
    "hpc_financing",
    "hpc_loi",
    "hpc_option_exercise",
    "hpc_reduction",
    "hpc_termination",
    "lease_cancellation_report",
    "lease_pause_report",
    "project_cancellation_report",
    "site_acquisition",
    "site_lease",
    "strategy_change",
)
XBRL_TAXONOMIES = ("us-gaap", "ifrs-full", "dei")
# What the kept concepts measure. A total is the stated one, else its current and its non-current
# part together (int_xbrl_balances).
XBRL_METRICS = (
    "capex_usd",
    "capex_mining_usd",
    "capex_other_usd",
    "revenue_usd",
    "shares_outstanding",
    "cash_usd",
    "cash_and_restricted_usd",
    "restricted_cash_usd",
    "debt_usd",
    "debt_current_usd",
    "debt_noncurrent_usd",
    "crypto_assets_usd",
    "crypto_assets_current_usd",
    "crypto_assets_noncurrent_usd",
    "liabilities_usd",
)

_ACCESSION = r"^\d{10}-\d{2}-\d{6}$"

# Berkshire Hathaway A, the dearest listed share, trades below 1m USD.
_MAX_PRICE = 10_000_000
_MAX_VOLUME = 1e12


def _known_company(*, refuse: bool, separator: str = "", when: str = "") -> Reference:
    return Reference(
        table="companies",
        column="ticker",
        refuse=refuse,
        separator=separator,
        when=when,
        mend="add the ticker to ledger/companies.csv or correct its spelling",
    )


_SESSION = Reference(
    table="exchange_sessions",
    column="session_date",
    refuse=False,
    mend="correct the date or drop the row, or name another calendar in study/parameters.csv",
    found="'the calendar ' || coalesce((SELECT max(replace(source, 'exchange_calendars:', '')) "
    f"FROM raw.exchange_sessions), '{DEFAULT_CALENDAR}') || ' has no session that day'",
)


def _listed(words: tuple[str, ...]) -> str:
    """The right side of IN: these words are the project's own and hold no quote."""
    return "(" + ", ".join(f"'{word}'" for word in words) + ")"


def _price(name: str, description: str, *, required: bool = False, in_file: bool = True) -> Column:
    return Column(
        name,
        Kind.NUMBER,
        description,
        required=required,
        in_file=in_file,
        above=0,
        at_most=_MAX_PRICE,
    )


def _quality() -> Column:
    return Column(
        "source_quality",
        Kind.TEXT,
        "Grade of the source: primary (filing, company), press_release_copy, news, repost.",
        required=True,
        one_of=QUALITY_GRADES,
    )


def _url(*, required: bool = True) -> Column:
    return Column(
        "source_url",
        Kind.TEXT,
        "Public address that states the fact.",
        required=required,
        in_file=required,
        pattern=r"^https?://\S+$",
        looks_like="an address such as https://publisher.com/page",
    )


# The host of a row's address, without the www that says nothing.
_HOST = "lower(regexp_extract(incoming.source_url, '^https?://(?:www[.])?([^/:?#]+)', 1))"
_GRADE = "[" + ", ".join(f"'{grade}'" for grade in QUALITY_GRADES) + "]"


def _best_grade(owner: str) -> str:
    """The best grade a row's host can give it: news where the list does not name the host.

    A company's own page is a primary source of that company alone. ``owner`` is a DuckDB
    condition on the listed ``domains`` row that says whether the page is the row's own.
    """
    return (
        "coalesce((SELECT arg_max(CASE WHEN domains.publisher_kind = 'company' AND NOT "
        f"({owner}) THEN 'news' ELSE domains.best_grade END, length(domains.domain)) "
        f"FROM raw.source_domains AS domains WHERE {_HOST} = domains.domain "
        f"OR ends_with({_HOST}, '.' || domains.domain)), 'news')"
    )


def _grade_rules(owner: str) -> tuple[RowRule, ...]:
    """A row's grade against what its address can give.

    The list of hosts is the project's own and another folder may lack it, so the load does
    not refuse such a row; the check of the ledger does.
    """
    best = _best_grade(owner)
    return (
        RowRule(
            "grade_fits_the_address",
            "source_url IS NULL OR "
            f"list_position({_GRADE}, source_quality) >= list_position({_GRADE}, {best})",
            "grade ",
            column="source_quality",
            found=f"source_quality || ' does not fit the address: ' || {_HOST} || ' gives ' || "
            f"{best} || ' at best'",
            mend="lower the grade, cite the regulator's or the company's own page, or add the "
            "host to study/source_domains.csv",
            level=Level.CHECK,
        ),
        RowRule(
            "grade_uses_the_address",
            f"{best} <> 'primary' OR source_quality = 'primary'",
            "grade is weaker than the address allows: ",
            column="source_quality",
            found=f"{_HOST} || ' is a primary source'",
            mend="if the page itself states the fact, grade it primary",
            level=Level.WARN,
        ),
    )


def _not_in_future(column: str, *, unless: str = "false") -> RowRule:
    """A rule of the check alone: a load must not depend on the clock."""
    return RowRule(
        f"{column}_not_in_future",
        f"{unless} OR {column} <= getvariable('today')",
        f"{column} lies in the future: ",
        column=column,
        found=f"CAST({column} AS VARCHAR)",
        mend="correct the year, the month or the day",
        level=Level.CHECK,
    )


# The condition of _best_grade for rows of one company.
_OWN_PAGE = "domains.ticker = incoming.ticker"

SOURCE_DOMAINS = Table(
    name="source_domains",
    file="study/source_domains.csv",
    description="Publishers whose pages can be more than news, and the best grade they give.",
    grain="one row per domain",
    key=("domain",),
    default_from_bundled=True,
    columns=(
        Column(
            "domain",
            Kind.TEXT,
            "Host of the pages, without www; its subdomains belong to it.",
            required=True,
            pattern=r"^[a-z0-9][a-z0-9.-]*$",
            looks_like="a host such as sec.gov, in small letters",
        ),
        Column(
            "publisher_kind",
            Kind.TEXT,
            "regulator, company (its own page), author (of a study that the ledger quotes), wire "
            "(publishes releases for companies), release_copy (copies releases or filings word "
            "for word) or repost (copies news, undated or unnamed).",
            required=True,
            one_of=("regulator", "company", "author", "wire", "release_copy", "repost"),
        ),
        Column(
            "ticker",
            Kind.TEXT,
            "The company whose own page it is. No reference to companies: a folder without the "
            "company has no use for the row and no harm from it.",
        ),
        Column(
            "best_grade",
            Kind.TEXT,
            "Best grade that a page there can give to a fact.",
            required=True,
            one_of=QUALITY_GRADES,
        ),
        Column("reason", Kind.TEXT, "Why this grade.", required=True),
    ),
    rules=(
        RowRule(
            "company_page_has_a_company",
            "(publisher_kind = 'company') = (ticker IS NOT NULL)",
            "a company's own page names its ticker, and no other page does",
            column="ticker",
            mend="fill in the ticker of a company's page; empty it for all others",
        ),
        RowRule(
            "primary_is_first_hand",
            "best_grade <> 'primary' OR publisher_kind IN ('regulator', 'company', 'author')",
            "only a regulator, a company or an author is a primary source",
            column="best_grade",
            mend="lower best_grade, or correct publisher_kind",
        ),
    ),
)

COMPANIES = Table(
    name="companies",
    file="ledger/companies.csv",
    description="The panel: miners, hyperscalers, AI infrastructure, benchmarks, bitcoin proxy.",
    grain="one row per ticker",
    key=("ticker",),
    optional=False,
    columns=(
        Column(
            "ticker",
            Kind.TEXT,
            "Symbol used in all tables.",
            required=True,
            pattern=r"^[A-Z0-9^][A-Z0-9.\-=^]{0,14}$",
        ),
        Column("name", Kind.TEXT, "Name of the company or fund.", required=True),
        Column(
            "role",
            Kind.TEXT,
            "What the ticker is in the studies.",
            required=True,
            one_of=ROLES,
        ),
        Column(
            "is_focal",
            Kind.BOOLEAN,
            "True for the firms the printed answer is about.",
            required=True,
        ),
        Column(
            "cik",
            Kind.TEXT,
            "SEC central index key, ten digits.",
            in_file=False,
            pattern=r"^\d{10}$",
        ),
        Column("note", Kind.TEXT, "Remark on name, symbol or listing.", in_file=False),
        Column(
            "first_session",
            Kind.DATE,
            "First session of the present listing, where it began after the data do.",
            in_file=False,
        ),
        Column(
            "listing_currency",
            Kind.TEXT,
            "ISO 4217 code of the bundled prices; USD where empty.",
            in_file=False,
            pattern=r"^[A-Z]{3}$",
        ),
        Column(
            "aliases",
            Kind.TEXT,
            "Other symbols of the same share over time, separated by ';'.",
            in_file=False,
        ),
    ),
    rules=(_not_in_future("first_session"),),
)

EXCHANGE_SESSIONS = Table(
    name="exchange_sessions",
    file="",
    description="Sessions of the study's exchange calendar (XNYS where none is named), early "
    "closes included.",
    grain="one row per session",
    key=("session_date",),
    columns=(
        Column("session_date", Kind.DATE, "Trading day of the exchange.", required=True),
        Column("opens_at", Kind.INSTANT, "Opening (UTC).", required=True),
        Column("closes_at", Kind.INSTANT, "Close (UTC).", required=True),
        Column(
            "is_early_close",
            Kind.BOOLEAN,
            "True where the session ended before the exchange's usual time.",
            required=True,
        ),
    ),
    rules=(
        RowRule("opens_before_close", "opens_at < closes_at", "the session ends before it opens"),
    ),
)

EQUITY_PRICES = Table(
    name="equity_prices",
    file="snapshot/equity_daily.csv",
    description="Daily bars of shares and funds, adjusted for splits, in the listing currency.",
    grain="one row per ticker and session",
    key=("ticker", "session_date"),
    time_column="session_date",
    symbol_column="ticker",
    optional=False,
    max_rejected_share=0.01,
    columns=(
        Column(
            "ticker",
            Kind.TEXT,
            "Symbol as in companies.",
            required=True,
            reference=_known_company(refuse=True),
        ),
        Column(
            "session_date",
            Kind.DATE,
            "Trading day of the exchange.",
            required=True,
            reference=_SESSION,
        ),
        _price("open", "First trade, USD.", in_file=False),
        _price("high", "Highest trade, USD.", in_file=False),
        _price("low", "Lowest trade, USD.", in_file=False),
        _price("close", "Official close, USD.", required=True),
        Column(
            "volume",
            Kind.INTEGER,
            "Shares traded.",
            in_file=False,
            at_least=0,
            at_most=_MAX_VOLUME,
        ),
    ),
)

EQUITY_CLOSES_SECOND_SOURCE = Table(
    name="equity_closes_second_source",
    file="snapshot/equity_close_second_source.csv",
    description="Closes of the same shares from an independent single-venue feed.",
    grain="one row per ticker and session",
    key=("ticker", "session_date"),
    time_column="session_date",
    symbol_column="ticker",
    max_rejected_share=0.01,
    columns=(
        Column(
            "ticker",
            Kind.TEXT,
            "Symbol as in companies.",
            required=True,
            reference=_known_company(refuse=True),
        ),
        Column(
            "session_date",
            Kind.DATE,
            "Trading day of the exchange.",
            required=True,
            reference=_SESSION,
        ),
        _price("close", "Last trade of the venue, USD.", required=True),
    ),
)

EQUITY_SPLITS = Table(
    name="equity_splits",
    file="snapshot/equity_splits.csv",
    description="Splits of the shares: what rewrites a history of split-adjusted prices.",
    grain="one row per ticker and ex-date",
    key=("ticker", "ex_date"),
    columns=(
        Column(
            "ticker",
            Kind.TEXT,
            "Symbol as in companies.",
            required=True,
            reference=_known_company(refuse=True),
        ),
        Column(
            "ex_date",
            Kind.DATE,
            "First session that trades the new shares; prices before it are divided by ratio.",
            required=True,
        ),
        # The widest on record: 1:2,000 reverse splits of failing shares, 100:1 of dear ones.
        Column(
            "ratio",
            Kind.NUMBER,
            "New shares for one old share: 10 for a 10:1 split, 0.1 for a 1:10 reverse split.",
            required=True,
            above=0,
            at_most=10_000,
        ),
    ),
    rules=(RowRule("split_changes_something", "ratio <> 1", "ratio is 1: nothing was split"),),
)

EQUITY_DIVIDENDS = Table(
    name="equity_dividends",
    file="snapshot/equity_dividends.csv",
    description="Cash dividends of the shares. Closes are not adjusted for them.",
    grain="one row per ticker and ex-date",
    key=("ticker", "ex_date"),
    columns=(
        Column(
            "ticker",
            Kind.TEXT,
            "Symbol as in companies.",
            required=True,
            reference=_known_company(refuse=True),
        ),
        Column(
            "ex_date", Kind.DATE, "First session that trades without the dividend.", required=True
        ),
        Column(
            "amount_usd",
            Kind.NUMBER,
            "Cash for one share, USD, counted in the shares that amount_basis names.",
            required=True,
            above=0,
            at_most=_MAX_PRICE,
        ),
        Column(
            "amount_basis",
            Kind.TEXT,
            "Whether the amount is as_paid for a share of that day or split_adjusted to a share "
            "of today.",
            required=True,
            one_of=("as_paid", "split_adjusted"),
        ),
    ),
)

SYMBOL_ALIASES = Table(
    name="symbol_aliases",
    file="ledger/symbol_aliases.csv",
    description="Symbols under which vendors file a ticker, over time.",
    grain="one row per ticker, vendor and symbol",
    key=("ticker", "vendor", "symbol"),
    columns=(
        Column(
            "ticker",
            Kind.TEXT,
            "Symbol as in companies, which all tables keep.",
            required=True,
            reference=_known_company(refuse=True),
        ),
        Column(
            "vendor",
            Kind.TEXT,
            "Source that uses the symbol, or * for all of them.",
            required=True,
            pattern=r"^(\*|[a-z][a-z0-9_]*)$",
        ),
        Column(
            "symbol",
            Kind.TEXT,
            "Symbol to ask the vendor for.",
            required=True,
            pattern=r"^[A-Z0-9^][A-Z0-9.\-=^]{0,14}$",
        ),
        Column(
            "valid_from_date",
            Kind.DATE,
            "First day the share goes by this symbol; vendors then file its whole history there.",
        ),
        Column(
            "valid_to_date",
            Kind.DATE,
            "Last day it does; empty while it still does.",
        ),
        Column(
            "is_verified",
            Kind.BOOLEAN,
            "True: asked first. False: asked only where the vendor knows no other symbol.",
            required=True,
        ),
        _url(),
        _quality(),
        Column("note", Kind.TEXT, "What the row rests on.", in_file=False),
    ),
    rules=(
        RowRule(
            "alias_is_valid_forward",
            "valid_from_date IS NULL OR valid_to_date IS NULL OR valid_from_date <= valid_to_date",
            "valid_to_date lies before valid_from_date",
            column="valid_to_date",
            mend="exchange the two days, or correct the one that is wrong",
        ),
        RowRule(
            "alias_differs_from_ticker",
            "symbol <> ticker",
            "symbol is the ticker itself, which is asked for without a row",
            column="symbol",
            mend="write the other symbol, or drop the row",
        ),
    ),
)

BTC_PRICES = Table(
    name="btc_prices",
    file="snapshot/btc_daily.csv",
    description="Daily bitcoin bars over UTC days.",
    grain="one row per UTC day",
    key=("date_utc",),
    time_column="date_utc",
    max_rejected_share=0.01,
    columns=(
        Column("date_utc", Kind.DATE, "Day from 00:00 to 24:00 UTC.", required=True),
        _price("open", "First trade of the UTC day, USD.", in_file=False),
        _price("high", "Highest trade, USD.", in_file=False),
        _price("low", "Lowest trade, USD.", in_file=False),
        _price("close", "Last trade of the UTC day, USD.", required=True),
        Column(
            "volume_btc",
            Kind.NUMBER,
            "Bitcoin traded on the venue.",
            in_file=False,
            at_least=0,
            at_most=21e6,
        ),
    ),
)

BTC_PRICES_SECOND_SOURCE = Table(
    name="btc_prices_second_source",
    file="snapshot/btc_close_second_source.csv",
    description="Daily bitcoin closes of another exchange, over the same UTC days.",
    grain="one row per UTC day",
    key=("date_utc",),
    time_column="date_utc",
    max_rejected_share=0.01,
    columns=(
        Column("date_utc", Kind.DATE, "Day from 00:00 to 24:00 UTC.", required=True),
        _price("close", "Last trade of the UTC day, USD.", required=True),
    ),
)

BTC_HOURLY_PRICES = Table(
    name="btc_hourly_prices",
    file="snapshot/btc_hourly.csv",
    description="Hourly bitcoin bars, which price bitcoin at the close of New York.",
    grain="one row per UTC hour",
    key=("date_utc", "hour_utc"),
    time_column="date_utc",
    max_rejected_share=0.01,
    columns=(
        Column("date_utc", Kind.DATE, "UTC day on which the hour starts.", required=True),
        Column(
            "hour_utc",
            Kind.INTEGER,
            "Hour of that day at which the bar starts (UTC); it ends an hour later.",
            required=True,
            at_least=0,
            at_most=23,
        ),
        _price("open", "First trade of the hour, USD.", in_file=False),
        _price("high", "Highest trade, USD.", in_file=False),
        _price("low", "Lowest trade, USD.", in_file=False),
        _price("close", "Last trade of the hour, USD.", required=True),
        Column(
            "volume_btc",
            Kind.NUMBER,
            "Bitcoin traded on the venue.",
            in_file=False,
            at_least=0,
            at_most=21e6,
        ),
    ),
)

NETWORK_METRICS = Table(
    name="network_metrics",
    file="snapshot/network_daily.csv",
    description="Daily figures of the Bitcoin network over UTC days.",
    grain="one row per UTC day",
    key=("date_utc",),
    time_column="date_utc",
    max_rejected_share=0.01,
    keeps_absent_figures=True,
    columns=(
        Column("date_utc", Kind.DATE, "Day from 00:00 to 24:00 UTC.", required=True),
        Column(
            "hashrate_eh_s",
            Kind.NUMBER,
            "Mean hashrate of the day implied by difficulty and blocks, EH/s.",
            required=True,
            above=0,
            at_most=1e7,
        ),
        Column(
            "difficulty",
            Kind.NUMBER,
            "Mean difficulty of the day's blocks.",
            required=True,
            above=0,
            at_most=1e20,
        ),
        # The protocol aims at 144 blocks a day; 2009's record stays far below 1000.
        Column(
            "blocks",
            Kind.INTEGER,
            "Blocks found in the day.",
            required=True,
            at_least=1,
            at_most=1000,
        ),
        Column(
            "issuance_usd",
            Kind.NUMBER,
            "New coins of the day at its price, USD.",
            in_file=False,
            at_least=0,
            at_most=1e12,
        ),
        Column(
            "fees_usd",
            Kind.NUMBER,
            "Transaction fees of the day at its price, USD.",
            in_file=False,
            at_least=0,
            at_most=1e12,
        ),
        _price("price_usd", "Reference price of bitcoin at the day's end, USD.", in_file=False),
    ),
)

# What makes two announcements one fact, seen from the row that stands later in the file.
_SAME_FACT = (
    "other.row_id < incoming.row_id AND other.ticker = incoming.ticker "
    "AND other.counterparty IS NOT DISTINCT FROM incoming.counterparty "
    f"AND (other.kind = incoming.kind OR (other.kind IN {_listed(CONTRACT_KINDS)} "
    f"AND incoming.kind IN {_listed(CONTRACT_KINDS)})) "
    "AND other.power_mw IS NOT DISTINCT FROM incoming.power_mw "
    "AND (incoming.power_mw IS NOT NULL OR other.value_usd = incoming.value_usd) "
    "AND abs(other.announced_on - incoming.announced_on) <= 7"
)
_IS_CONTRACT = f"kind IN {_listed(CONTRACT_KINDS)} AND counterparty IS NOT NULL AND power_mw > 0"
# Like with like: contracts of this row's kind of megawatt up to its day, at its site.
_SITE_CONTRACTS_MW = (
    "(SELECT sum(part.power_mw) FROM incoming AS part WHERE part.ticker = incoming.ticker "
    f"AND part.site = incoming.site AND part.kind IN {_listed(CONTRACT_KINDS)} "
    "AND part.power_basis = incoming.power_basis AND part.announced_on <= incoming.announced_on "
    "AND part.announcement_id NOT IN "
    "(SELECT newer.supersedes FROM incoming AS newer WHERE newer.supersedes IS NOT NULL))"
)
_SITE_POWER_MW = (
    "(SELECT max(grounds.power_mw) FROM incoming AS grounds "
    "WHERE grounds.ticker = incoming.ticker AND grounds.site = incoming.site "
    "AND grounds.power_basis = 'gross' AND grounds.kind IN ('site_lease', 'site_acquisition'))"
)

NETWORK_METRICS_SECOND_SOURCE = Table(
    name="network_metrics_second_source",
    file="snapshot/network_second_source.csv",
    description="Hashrate of the Bitcoin network as other sources estimate it.",
    grain="one row per UTC day and source",
    key=("date_utc", "source"),
    time_column="date_utc",
    symbol_column="source",
    max_rejected_share=0.01,
    columns=(
        Column(
            "date_utc",
            Kind.DATE,
            "UTC day the estimate is for, whatever day the source stamps it with.",
            required=True,
        ),
        Column(
            "source",
            Kind.TEXT,
            "Who estimates.",
            required=True,
            max_length=100,
        ),
        Column(
            "stamped_date",
            Kind.DATE,
            "UTC day the source stamps the estimate with; mempool.space stamps the day after.",
            required=True,
        ),
        Column(
            "hashrate_eh_s",
            Kind.NUMBER,
            "Mean hashrate of the day, EH/s.",
            required=True,
            above=0,
            at_most=1e7,
        ),
        Column(
            "is_independent",
            Kind.BOOLEAN,
            "False for a source that estimates by the same formula from the same blocks as "
            "network_metrics: that it agrees proves nothing.",
            required=True,
        ),
    ),
    rules=(
        RowRule(
            "stamp_is_near_its_day",
            "abs(stamped_date - date_utc) <= 1",
            "stamped_date lies more than a day from date_utc",
        ),
    ),
)

CAPEX_ANNOUNCEMENTS = Table(
    name="capex_announcements",
    file="ledger/announcements.csv",
    description="Dated announcements of AI and data-centre contracts, sites, financing and capex.",
    grain="one row per announcement",
    key=("announcement_id",),
    columns=(
        Column(
            "announcement_id",
            Kind.TEXT,
            "Stable name of the fact.",
            required=True,
            pattern=r"^[a-z0-9][a-z0-9\-]*$",
        ),
        Column("announced_on", Kind.DATE, "Day it was announced (New York).", required=True),
        Column(
            "date_precision",
            Kind.TEXT,
            "Whether the day or only the month is known (then the first of the month stands).",
            required=True,
            one_of=("day", "month"),
        ),
        Column(
            "date_basis",
            Kind.TEXT,
            "Whether the source states the date or it was inferred.",
            one_of=("stated", "inferred"),
        ),
        Column(
            "known_at",
            Kind.DATE,
            "Day from whose end (New York) the fact may be used; empty: never.",
        ),
        Column("company", Kind.TEXT, "Company that announced.", required=True),
        Column(
            "ticker",
            Kind.TEXT,
            "Its symbol; empty where it is not listed.",
            reference=_known_company(refuse=True),
        ),
        Column("counterparty", Kind.TEXT, "The other side of the deal."),
        Column(
            "kind",
            Kind.TEXT,
            "What was announced.",
            required=True,
            one_of=ANNOUNCEMENT_KINDS,
        ),
        Column(
            "power_mw",
            Kind.NUMBER,
            "Megawatts named, in the sense of power_basis.",
            above=0,
            at_most=100_000,
        ),
        Column(
            "power_basis",
            Kind.TEXT,
            "Which megawatt: critical_it (IT load), gross (site power) or unknown.",
            one_of=POWER_BASES,
        ),
        Column("value_usd", Kind.NUMBER, "Stated value, USD.", above=0, at_most=1e13),
        Column("term_years", Kind.NUMBER, "Stated term, years.", above=0, at_most=100),
        Column(
            "direction",
            Kind.TEXT,
            "Effect on AI capacity demand.",
            one_of=("expands", "contracts", "neutral"),
        ),
        Column(
            "contract_id",
            Kind.TEXT,
            "Contract that this row changes: the announcement_id with which it began. Where "
            "empty, an expansion or an exercised option changes the latest contract with the "
            "same customer.",
            in_file=False,
        ),
        Column(
            "supersedes",
            Kind.TEXT,
            "announcement_id of the row whose figures this one replaces.",
            in_file=False,
        ),
        Column(
            "site",
            Kind.TEXT,
            "Site that the megawatts belong to, where the source names one.",
            in_file=False,
        ),
        Column("source_name", Kind.TEXT, "Publisher of the page.", required=True),
        _url(),
        _quality(),
    ),
    rules=(
        RowRule(
            "power_has_basis",
            "power_mw IS NULL OR power_basis IS NOT NULL",
            "power_mw without power_basis: say which megawatt it is, or 'unknown'",
            column="power_basis",
            mend=f"fill in one of {', '.join(POWER_BASES)}",
        ),
        RowRule(
            "not_known_before_announced",
            "known_at IS NULL OR known_at >= announced_on",
            "known_at lies before announced_on",
            column="known_at",
            mend="known_at is the day from whose end the fact may be used: correct one of the two",
        ),
        RowRule(
            "month_stands_on_its_first_day",
            "date_precision <> 'month' OR day(announced_on) = 1",
            "only the month is known, but announced_on is not its first day",
            column="announced_on",
            mend="write the first of the month, or date_precision day if the day is known",
        ),
        RowRule(
            "month_is_known_at_its_end",
            "date_precision <> 'month' OR known_at >= last_day(announced_on)",
            "only the month is known, so the fact is usable from the month's end, not earlier",
            column="known_at",
            mend="write the last day of the month or a later day",
        ),
        RowRule(
            "end_of_contract_names_it",
            "kind NOT IN ('hpc_termination', 'hpc_reduction') OR contract_id IS NOT NULL",
            "a termination or reduction does not say of which contract",
            column="contract_id",
            mend="name the announcement_id with which the contract began",
        ),
        RowRule(
            "reduction_has_megawatts",
            "kind <> 'hpc_reduction' OR power_mw IS NOT NULL",
            "a reduction does not say by how many megawatts",
            column="power_mw",
            mend="write the megawatts that fall away, or use hpc_termination for the whole",
        ),
        RowRule(
            "contract_id_is_an_announcement",
            "contract_id IS NULL OR EXISTS (SELECT 1 FROM incoming AS first_part "
            "WHERE first_part.announcement_id = incoming.contract_id "
            "AND first_part.ticker = incoming.ticker "
            "AND first_part.announced_on <= incoming.announced_on)",
            "contract_id names no announcement of the same company on or before this day",
            column="contract_id",
            mend="name the announcement_id with which the contract began",
        ),
        RowRule(
            "supersedes_an_earlier_one",
            "supersedes IS NULL OR EXISTS (SELECT 1 FROM incoming AS older "
            "WHERE older.announcement_id = incoming.supersedes "
            "AND older.ticker = incoming.ticker "
            "AND older.announcement_id <> incoming.announcement_id "
            "AND older.announced_on <= incoming.announced_on "
            "AND (older.supersedes IS NULL OR incoming.contract_id IS NOT NULL))",
            "supersedes names no other announcement of the same company on or before this day, or "
            "one that is a replacement itself, and contract_id is empty",
            column="supersedes",
            mend="name the announcement_id that this one replaces, or empty the field; for the "
            "replacement of a replacement fill in contract_id too",
        ),
        # Two rows for one contract would count its megawatts twice. A week apart, because
        # outlets date the same news differently.
        RowRule(
            "fact_stands_once",
            "supersedes IS NOT NULL OR coalesce(power_mw, value_usd) IS NULL OR NOT EXISTS ("
            f"SELECT 1 FROM incoming AS other WHERE {_SAME_FACT})",
            "the same fact stands there under another name: ",
            column="announcement_id",
            found=f"(SELECT min(other.announcement_id) FROM incoming AS other WHERE {_SAME_FACT})",
            mend="keep the row with the better source, or say with supersedes that it replaces "
            "the other",
        ),
        _not_in_future("announced_on"),
        _not_in_future("known_at"),
        RowRule(
            "contract_names_a_customer",
            "kind NOT IN ('hpc_contract', 'hpc_expansion', 'hpc_option_exercise') "
            "OR counterparty IS NOT NULL",
            "a contract without a customer counts for nothing",
            column="counterparty",
            mend="name the customer",
            level=Level.WARN,
        ),
        # Critical IT load is a part of the power behind it, so either kind of megawatt of a
        # contract is bounded by gross power; the kinds are never added up.
        RowRule(
            "contract_fits_the_company",
            f"NOT ({_IS_CONTRACT}) OR power_mw <= coalesce((SELECT max(facts.value) "
            "FROM raw.company_facts AS facts WHERE facts.ticker = incoming.ticker "
            "AND facts.metric = 'total_power_capacity_mw'), power_mw)",
            "contract of more megawatts than the company's largest stated total power, ",
            column="power_mw",
            found="(SELECT CAST(max(facts.value) AS VARCHAR) FROM raw.company_facts AS facts "
            "WHERE facts.ticker = incoming.ticker "
            "AND facts.metric = 'total_power_capacity_mw') || ' MW'",
            mend="correct power_mw or its unit, or add the newer total to ledger/company_facts.csv",
            level=Level.CHECK,
        ),
        RowRule(
            "contracts_fit_the_site",
            f"NOT ({_IS_CONTRACT}) OR site IS NULL OR {_SITE_CONTRACTS_MW} "
            f"<= coalesce({_SITE_POWER_MW}, {_SITE_CONTRACTS_MW})",
            "contracts at the site exceed its power: ",
            column="power_mw",
            found=f"CAST({_SITE_CONTRACTS_MW} AS VARCHAR) || ' MW of ' || power_basis || "
            f"' contracted up to this row, but the site has ' || CAST({_SITE_POWER_MW} AS VARCHAR) "
            "|| ' MW gross'",
            mend="correct power_mw, power_basis or site, or add the announcement that enlarges "
            "the site",
            level=Level.CHECK,
        ),
        *_grade_rules(
            f"{_OWN_PAGE} OR EXISTS (SELECT 1 FROM raw.companies AS owners "
            "WHERE owners.ticker = domains.ticker "
            "AND contains(lower(incoming.counterparty), lower(owners.name)))"
        ),
    ),
)

_METRIC_UNIT = (
    "CASE metric "
    + " ".join(f"WHEN '{metric}' THEN '{unit}'" for metric, unit in METRIC_UNITS.items())
    + " END"
)
# Another value of one metric for the same day, or within a month in another kind of megawatt,
# seen from the later of the two.
_OTHER_FIGURE = (
    "other.ticker = incoming.ticker AND other.metric = incoming.metric "
    "AND other.period = incoming.period AND other.value <> incoming.value "
    "AND (other.as_of_date, other.value) < (incoming.as_of_date, incoming.value) "
    "AND (other.as_of_date = incoming.as_of_date OR (other.power_basis <> incoming.power_basis "
    "AND incoming.as_of_date - other.as_of_date <= 31))"
)
_CONTRACTS_MW = (
    "(SELECT sum(contracts.power_mw) FROM raw.capex_announcements AS contracts "
    "WHERE contracts.ticker = incoming.ticker AND contracts.known_at <= incoming.known_at "
    f"AND contracts.kind IN {_listed(CONTRACT_KINDS)} AND contracts.counterparty IS NOT NULL "
    "AND contracts.power_basis = incoming.power_basis)"
)

COMPANY_FACTS = Table(
    name="company_facts",
    file="ledger/company_facts.csv",
    description="Reported figures of companies, each with the day it became public.",
    grain="one row per ticker, date, metric, period and basis",
    key=("ticker", "as_of_date", "metric", "period", "power_basis", "value_basis", "source_url"),
    columns=(
        Column(
            "ticker",
            Kind.TEXT,
            "Symbol as in companies.",
            required=True,
            reference=_known_company(refuse=True),
        ),
        Column("as_of_date", Kind.DATE, "Day or period end the figure is for.", required=True),
        Column(
            "metric",
            Kind.TEXT,
            "What was measured.",
            required=True,
            one_of=METRICS,
        ),
        Column(
            "value",
            Kind.NUMBER,
            "The figure, in unit.",
            required=True,
            at_least=-1e14,
            at_most=1e14,
        ),
        Column(
            "unit",
            Kind.TEXT,
            "Unit of value.",
            required=True,
            one_of=tuple(sorted(set(METRIC_UNITS.values()))),
        ),
        Column(
            "period",
            Kind.TEXT,
            "Length of time the figure covers.",
            required=True,
            one_of=("point", "month", "quarter", "half", "year"),
        ),
        Column("period_start", Kind.DATE, "First day of the period; empty for a point in time."),
        Column(
            "known_at",
            Kind.DATE,
            "Day from whose end (New York) the figure may be used; empty: never.",
        ),
        Column("known_at_basis", Kind.TEXT, "How known_at was set: release date or assumed lag."),
        Column("power_basis", Kind.TEXT, "Which megawatt the figure is; empty where not power."),
        Column(
            "value_basis",
            Kind.TEXT,
            "How the figure was reached.",
            one_of=("as_stated", "approximate", "derived"),
        ),
        Column("source_name", Kind.TEXT, "Publisher of the page.", required=True),
        _url(),
        _quality(),
    ),
    rules=(
        RowRule(
            "unit_fits_metric",
            f"unit = {_METRIC_UNIT}",
            "unit does not fit the metric: ",
            column="unit",
            found=f"unit || ', but ' || metric || ' is in ' || {_METRIC_UNIT}",
            mend="convert the value and write the unit that the metric has",
        ),
        RowRule(
            "only_net_debt_is_negative",
            "value >= 0 OR metric = 'net_debt_usd'",
            "the figure is negative, and only net debt can be",
            column="value",
            mend="drop the sign",
        ),
        RowRule(
            "not_known_before_its_day",
            "known_at IS NULL OR known_at >= as_of_date",
            "known_at lies before the day or the end of the period it speaks of",
            column="known_at",
            mend="known_at is the day from whose end the figure may be used: correct one of the "
            "two",
        ),
        RowRule(
            "period_has_a_start",
            "(period = 'point') = (period_start IS NULL)",
            "a period needs a period_start, and a point in time has none",
            column="period_start",
            mend="fill in the first day of the period, or empty the field for a point in time",
        ),
        # Fiscal periods of 13 or 14 weeks and 52 or 53 weeks fit too.
        RowRule(
            "period_is_as_long_as_it_says",
            "period_start IS NULL OR as_of_date - period_start + 1 BETWEEN CASE period "
            "WHEN 'month' THEN 28 WHEN 'quarter' THEN 84 WHEN 'half' THEN 175 ELSE 357 END "
            "AND CASE period WHEN 'month' THEN 35 WHEN 'quarter' THEN 98 "
            "WHEN 'half' THEN 189 ELSE 371 END",
            "period_start to as_of_date is not as long as period says, or runs backward",
            column="period_start",
            mend="correct period_start, as_of_date or period",
        ),
        RowRule(
            "power_has_basis",
            "metric NOT IN ('contracted_hpc_mw', 'total_power_capacity_mw') "
            "OR power_basis IS NOT NULL",
            "megawatts without power_basis: say which megawatt it is, or 'unknown'",
            column="power_basis",
            mend="contracted_hpc_mw is critical_it, gross or unknown; a total says what the "
            "company counts (energised, under_management, secured_grid_power, ...)",
        ),
        RowRule(
            "contracted_basis_is_known",
            f"metric <> 'contracted_hpc_mw' OR power_basis IN {_listed(POWER_BASES)}",
            "power_basis of contracted megawatts is none of critical_it, gross, unknown",
            column="power_basis",
            mend=f"choose one of {', '.join(POWER_BASES)}",
        ),
        RowRule(
            "total_power_is_not_it_load",
            "metric <> 'total_power_capacity_mw' OR power_basis <> 'critical_it'",
            "total power cannot be critical IT load: two kinds of megawatt are mixed up",
            column="power_basis",
            mend="say what the company counts as its power, or correct the metric",
        ),
        _not_in_future("as_of_date"),
        # A lag that is assumed may end in the future: then the figure is not usable yet.
        _not_in_future("known_at", unless="starts_with(known_at_basis, 'assumed_lag')"),
        RowRule(
            "contracted_fits_the_power",
            "metric <> 'contracted_hpc_mw' OR value <= coalesce((SELECT max(total.value) "
            "FROM incoming AS total WHERE total.ticker = incoming.ticker "
            "AND total.metric = 'total_power_capacity_mw'), value)",
            "more contracted megawatts than the company's largest stated total power, ",
            column="value",
            found="(SELECT CAST(max(total.value) AS VARCHAR) FROM incoming AS total "
            "WHERE total.ticker = incoming.ticker "
            "AND total.metric = 'total_power_capacity_mw') || ' MW'",
            mend="correct the value or its unit, or add the newer total",
            level=Level.CHECK,
        ),
        # Both stay: the marts say which one they take, and why.
        RowRule(
            "other_figure_of_the_same_time",
            f"NOT EXISTS (SELECT 1 FROM incoming AS other WHERE {_OTHER_FIGURE})",
            "another figure for about the same day is kept beside it: ",
            column="value",
            found="CAST(value AS VARCHAR) || coalesce(' ' || power_basis, '') || ' against ' || "
            "(SELECT string_agg(CAST(other.value AS VARCHAR) || coalesce(' ' || "
            "other.power_basis, '') || ' on ' || CAST(other.as_of_date AS VARCHAR), ', ' "
            "ORDER BY other.as_of_date, other.value) FROM incoming AS other "
            f"WHERE {_OTHER_FIGURE})",
            mend="nothing, if both are what their sources say",
            level=Level.WARN,
        ),
        RowRule(
            "stated_total_and_contracts_agree",
            "metric <> 'contracted_hpc_mw' OR power_basis = 'unknown' "
            f"OR abs({_CONTRACTS_MW} - value) <= 0.1 * value",
            "stated total and dated contracts of the same kind of megawatt differ by more than a "
            "tenth: ",
            column="value",
            found=f"CAST(value AS VARCHAR) || ' against ' || CAST({_CONTRACTS_MW} AS VARCHAR) "
            "|| ' MW ' || power_basis",
            mend="look for a contract that is missing or has another power_basis",
            level=Level.WARN,
        ),
        *_grade_rules(_OWN_PAGE),
    ),
)

CAPEX_DEFINITIONS = Table(
    name="capex_definitions",
    file="study/capex_definitions.csv",
    description="Which wordings of capital expenditure mean the same, company by company.",
    grain="one row per company and wording",
    key=("ticker", "definition"),
    default_from_bundled=True,
    columns=(
        Column(
            "ticker",
            Kind.TEXT,
            "Symbol of the company. No reference to companies: a folder without the company has "
            "no use for the row and no harm from it.",
            required=True,
        ),
        Column(
            "definition", Kind.TEXT, "Wording as in the ledger, letter by letter.", required=True
        ),
        Column(
            "definition_id",
            Kind.TEXT,
            "Name of what the wording measures; wordings with one name are comparable.",
            required=True,
            pattern=r"^[a-z][a-z0-9_]*$",
            looks_like="a name of small letters, digits and underscores",
        ),
        Column(
            "bound",
            Kind.TEXT,
            "Whether the figure is exact, approximate, a floor or a ceiling.",
            required=True,
            one_of=("exact", "approximate", "floor", "ceiling"),
        ),
        Column("reason", Kind.TEXT, "Why the wording belongs there.", required=True),
    ),
)

_OTHER_CAPEX = (
    "other.ticker = incoming.ticker AND other.fiscal_period = incoming.fiscal_period "
    "AND other.definition = incoming.definition AND other.kind = incoming.kind "
    "AND other.announced_on = incoming.announced_on AND other.capex_usd < incoming.capex_usd"
)

HYPERSCALER_CAPEX = Table(
    name="hyperscaler_capex",
    file="ledger/hyperscaler_capex.csv",
    description="Capital expenditure of the large cloud companies: reported and guided.",
    grain="one row per company, period, definition, kind and announcement day",
    key=("ticker", "fiscal_period", "definition", "kind", "announced_on", "source_url"),
    columns=(
        Column("company", Kind.TEXT, "Company.", required=True),
        Column(
            "ticker",
            Kind.TEXT,
            "Symbol as in companies.",
            required=True,
            reference=_known_company(refuse=True),
        ),
        Column("fiscal_period", Kind.TEXT, "Period as the company names it.", required=True),
        Column("period_start", Kind.DATE, "First day of the period.", required=True),
        Column("period_end", Kind.DATE, "Last day of the period.", required=True),
        Column(
            "capex_usd",
            Kind.NUMBER,
            "Capital expenditure, USD.",
            required=True,
            above=0,
            at_most=1e13,
        ),
        Column("definition", Kind.TEXT, "Which capex: companies use several.", required=True),
        Column(
            "kind",
            Kind.TEXT,
            "Reported figure or guidance.",
            required=True,
            one_of=("actual", "guidance_low", "guidance_high", "guidance_point"),
        ),
        Column("announced_on", Kind.DATE, "Day it became public; empty where not known."),
        _url(),
        _quality(),
        Column("announced_on_basis", Kind.TEXT, "How announced_on was set."),
    ),
    rules=(
        RowRule(
            "period_runs_forward",
            "period_start <= period_end",
            "the period ends before it starts",
            column="period_end",
            mend="correct one of the two days",
        ),
        RowRule(
            "reported_after_the_period",
            "kind <> 'actual' OR announced_on IS NULL OR announced_on >= period_end",
            "a reported figure is announced before its period is over",
            column="announced_on",
            mend="correct announced_on, or call the figure a guidance",
        ),
        RowRule(
            "guided_before_the_end",
            "kind = 'actual' OR announced_on IS NULL OR announced_on <= period_end",
            "a guidance is announced after its period is over",
            column="announced_on",
            mend="correct announced_on, or call the figure an actual",
        ),
        _not_in_future("announced_on"),
        RowRule(
            "figure_has_a_day",
            "announced_on IS NOT NULL",
            "no day on which it became public, so it is shown and never used as known",
            column="announced_on",
            mend="find the day of the report, and say in announced_on_basis how it was found",
            level=Level.WARN,
        ),
        RowRule(
            "definition_is_listed",
            "EXISTS (SELECT 1 FROM raw.capex_definitions AS listed WHERE listed.ticker = "
            "incoming.ticker AND listed.definition = incoming.definition)",
            "definition stands alone, for the list does not say which others mean the same: ",
            column="definition",
            found="definition",
            mend="add it to study/capex_definitions.csv",
            level=Level.WARN,
        ),
        RowRule(
            "other_figure_of_the_same_time",
            f"NOT EXISTS (SELECT 1 FROM incoming AS other WHERE {_OTHER_CAPEX})",
            "another figure of the same definition, kind and day is kept beside it: ",
            column="capex_usd",
            found="CAST(capex_usd AS VARCHAR) || ' against ' || (SELECT "
            "CAST(min(other.capex_usd) AS VARCHAR) "
            f"FROM incoming AS other WHERE {_OTHER_CAPEX})",
            mend="nothing, if both are what their sources say",
            level=Level.WARN,
        ),
        *_grade_rules(_OWN_PAGE),
    ),
)


def _study_number(name: str) -> str:
    """The value of one parameter of the study."""
    return f"(SELECT max(value) FROM raw.study_parameters WHERE parameter = '{name}')"


def _event_day(end: str) -> str:
    """First or last day of an event's estimation window, the study's where it has none."""
    return f"coalesce(estimation_{end}_day, {_study_number(f'estimation_{end}_day')})"


MARKET_EVENTS = Table(
    name="market_events",
    file="ledger/events.csv",
    description="Dated news whose effect on the shares is studied.",
    grain="one row per event",
    key=("event_id",),
    optional=False,
    columns=(
        Column(
            "event_id",
            Kind.TEXT,
            "Stable name of the event.",
            required=True,
            pattern=r"^[a-z0-9][a-z0-9\-]*$",
        ),
        Column("title", Kind.TEXT, "What happened, in a line.", required=True),
        Column(
            "event_type",
            Kind.TEXT,
            "Class of news.",
            required=True,
            pattern=r"^[a-z][a-z0-9_]*$",
        ),
        Column("tier", Kind.TEXT, "core or extra.", one_of=("core", "extra"), in_file=False),
        Column("news_date", Kind.DATE, "Day of the news (New York).", required=True),
        Column(
            "news_timing",
            Kind.TEXT,
            "When in the day the news came, against the New York session.",
            required=True,
            one_of=("before_open", "in_session", "after_close", "non_trading", "unknown"),
        ),
        Column(
            "t0",
            Kind.DATE,
            "Event session as the curator wrote it; the warehouse computes its own and compares.",
            in_file=False,
        ),
        Column(
            "tickers_named",
            Kind.TEXT,
            "Companies the news names, separated by ';'.",
            in_file=False,
            reference=_known_company(refuse=True, separator=";"),
        ),
        Column("groups_named", Kind.TEXT, "Groups the news names, by ';'.", in_file=False),
        Column(
            "estimation_first_day",
            Kind.INTEGER,
            "First session of the event's own estimation window, counted from its session; that "
            "of study/parameters.csv where empty.",
            in_file=False,
            at_least=-10_000,
            at_most=-1,
        ),
        Column(
            "estimation_last_day",
            Kind.INTEGER,
            "Its last session, before every event window; that of study/parameters.csv where "
            "empty.",
            in_file=False,
            at_least=-10_000,
            at_most=-1,
        ),
        _url(required=False),
        Column("note", Kind.TEXT, "What else happened that day.", in_file=False),
        Column(
            "is_headline",
            Kind.BOOLEAN,
            "True for the event that the printed answer is about; else it is the latest one.",
            in_file=False,
        ),
    ),
    rules=(
        RowRule(
            "session_not_before_the_news",
            "t0 IS NULL OR t0 >= news_date",
            "t0 lies before news_date: a price cannot answer news that is not out",
            column="t0",
            mend="correct one of the two days, or empty t0: the warehouse computes it",
        ),
        _not_in_future("news_date"),
        RowRule(
            "estimation_runs_forward",
            "estimation_first_day <= estimation_last_day",
            "the event's estimation window ends before it starts",
            column="estimation_last_day",
            mend="correct the two days: both count sessions from the event's, so -260 is before "
            "-11",
        ),
        RowRule(
            "estimation_has_sessions",
            "coalesce(estimation_first_day, estimation_last_day) IS NULL "
            "OR coalesce(estimation_first_day > estimation_last_day, false) "
            f"OR {_event_day('last')} - {_event_day('first')} + 1 "
            f">= {_study_number('min_estimation_sessions')}",
            "the event's estimation window has fewer sessions than min_estimation_sessions of "
            "study/parameters.csv: ",
            column="estimation_first_day",
            found=f"CAST({_event_day('first')} AS BIGINT) || ' to ' || "
            f"CAST({_event_day('last')} AS BIGINT)",
            mend="begin the estimation window earlier",
            level=Level.CHECK,
        ),
        RowRule(
            "estimation_ends_before_windows",
            "estimation_last_day < (SELECT min(first_day) FROM raw.study_windows)",
            "the event's estimation window reaches into an event window of study/windows.csv, "
            "which begins at ",
            column="estimation_last_day",
            found="(SELECT CAST(min(first_day) AS VARCHAR) FROM raw.study_windows)",
            mend="end the estimation window before the first day of every event window",
            level=Level.CHECK,
        ),
        RowRule(
            "event_has_an_address",
            "source_url IS NOT NULL",
            "no address that states the news",
            column="source_url",
            mend="give the public address",
            level=Level.WARN,
        ),
    ),
)

PRESS_CLAIMS = Table(
    name="press_claims",
    file="ledger/press_claims.csv",
    description="Claims of the press story and of studies it cites, to be checked.",
    grain="one row per claim",
    key=("claim_id",),
    columns=(
        Column(
            "claim_id",
            Kind.TEXT,
            "Stable name of the claim.",
            required=True,
            pattern=r"^[a-z0-9][a-z0-9\-]*$",
        ),
        Column("claim", Kind.TEXT, "The claim in a line.", required=True),
        Column("claim_date", Kind.DATE, "Day or month it speaks of.", required=True),
        Column(
            "date_precision",
            Kind.TEXT,
            "Whether claim_date is known to the day or the month.",
            required=True,
            one_of=("day", "month"),
        ),
        Column(
            "value_low", Kind.NUMBER, "Lower claimed value, in unit.", at_least=-1e14, at_most=1e14
        ),
        Column(
            "value_high", Kind.NUMBER, "Upper claimed value, in unit.", at_least=-1e14, at_most=1e14
        ),
        Column("value_text", Kind.TEXT, "Claimed value that is not a number."),
        Column("unit", Kind.TEXT, "Unit of the claimed value."),
        Column("origin", Kind.TEXT, "Who made the claim.", required=True),
        Column("source_name", Kind.TEXT, "Publisher of the page.", required=True),
        _url(),
        _quality(),
        Column("source_note", Kind.TEXT, "What the source supports."),
    ),
    rules=(
        RowRule(
            "range_runs_upward",
            "value_low IS NULL OR value_high IS NULL OR value_low <= value_high",
            "value_low is above value_high",
            column="value_low",
            mend="exchange the two values",
        ),
        RowRule(
            "number_has_a_unit",
            "coalesce(value_low, value_high) IS NULL OR unit IS NOT NULL",
            "a claimed number without a unit",
            column="unit",
            mend="write the unit of value_low and value_high",
        ),
        _not_in_future("claim_date"),
        # A claim is of nobody in the panel: any company's page can state it first hand.
        *_grade_rules("true"),
    ),
)

_FOUND_CONTRACT = (
    "contracts.ticker = incoming.ticker AND contracts.known_at <= incoming.searched_to "
    f"AND contracts.kind IN {_listed(CONTRACT_KINDS)} AND contracts.counterparty IS NOT NULL"
)

SEARCH_COVERAGE = Table(
    name="search_coverage",
    file="ledger/coverage.csv",
    description="What a search for a metric found, so that unknown is told from zero.",
    grain="one row per ticker and metric",
    key=("ticker", "metric"),
    columns=(
        Column(
            "ticker",
            Kind.TEXT,
            "Symbol as in companies.",
            required=True,
            reference=_known_company(refuse=True),
        ),
        Column(
            "metric",
            Kind.TEXT,
            "Metric that was searched for.",
            required=True,
            one_of=METRICS,
        ),
        Column("searched_to", Kind.DATE, "Last day the search covers.", required=True),
        Column(
            "finding",
            Kind.TEXT,
            "found, none_found (counts as zero) or incomplete (unknown).",
            required=True,
            one_of=("found", "none_found", "incomplete"),
        ),
        Column("note", Kind.TEXT, "What the search covered."),
    ),
    rules=(
        _not_in_future("searched_to"),
        RowRule(
            "none_found_is_true",
            "finding <> 'none_found' OR metric <> 'contracted_hpc_mw' OR NOT EXISTS ("
            f"SELECT 1 FROM raw.capex_announcements AS contracts WHERE {_FOUND_CONTRACT})",
            "the search found none, but the ledger has a contract: ",
            column="finding",
            found="(SELECT min(contracts.announcement_id) FROM raw.capex_announcements AS "
            f"contracts WHERE {_FOUND_CONTRACT})",
            mend="write found, or correct the announcement",
            level=Level.CHECK,
        ),
    ),
)

DEAL_PARTIES = Table(
    name="deal_parties",
    file="study/deal_parties.csv",
    description="Who stands behind the names of customers in the ledger.",
    grain="one row per party",
    key=("party",),
    default_from_bundled=True,
    columns=(
        Column(
            "party",
            Kind.TEXT,
            "Name as in the ledger's counterparty, which separates several by ' / '.",
            required=True,
        ),
        Column(
            "ticker",
            Kind.TEXT,
            "Listed company that the party is or belongs to; empty where there is none. No "
            "reference to companies: a folder without the company has no use for the row.",
        ),
        Column("reason", Kind.TEXT, "Why.", required=True),
    ),
)


def _parameter(name: str) -> str:
    """The value of one parameter, as an aggregate over the table's rows."""
    return f"max(value) FILTER (WHERE parameter = '{name}')"


STUDY_PARAMETERS = Table(
    name="study_parameters",
    file="study/parameters.csv",
    description="Numbers that define the studies, each with its reason.",
    grain="one row per parameter",
    key=("parameter",),
    default_from_bundled=True,
    columns=(
        Column(
            "parameter",
            Kind.TEXT,
            "Name of the parameter.",
            required=True,
            one_of=(*PARAMETERS, CALENDAR_PARAMETER),
        ),
        Column(
            "value",
            Kind.NUMBER,
            "Its value; empty where it is a name.",
            at_least=-10_000,
            at_most=10_000,
        ),
        Column(
            "value_name",
            Kind.TEXT,
            "Value of the parameter calendar: exchange calendar of the sessions, a name of "
            "exchange_calendars (XNYS where there is no such row; XLON, XTKS, 24/7, ...).",
            in_file=False,
            max_length=20,
        ),
        Column("unit", Kind.TEXT, "Unit of value.", required=True),
        Column("reason", Kind.TEXT, "Why this value.", required=True),
        Column("decided_date", Kind.DATE, "Day it was decided.", required=True),
    ),
    required_keys=PARAMETERS,
    rules=(
        RowRule(
            "numbers_have_a_value",
            f"parameter = '{CALENDAR_PARAMETER}' OR (value IS NOT NULL AND value_name IS NULL)",
            "this parameter is a number",
            "value",
            "write the number into the column value and leave value_name empty",
        ),
        RowRule(
            "calendar_has_a_name",
            f"parameter <> '{CALENDAR_PARAMETER}' OR (value_name IS NOT NULL AND value IS NULL)",
            "the calendar is a name",
            "value_name",
            "write a name of exchange_calendars into the column value_name, like XLON or 24/7",
        ),
    ),
    table_rules=(
        TableRule(
            "estimation_runs_forward",
            f"{_parameter('estimation_first_day')} < {_parameter('estimation_last_day')}",
            "needs an estimation_first_day before its estimation_last_day",
            f"{_parameter('estimation_first_day')} || ' and ' || "
            f"{_parameter('estimation_last_day')}",
            "correct the two values: both count sessions from the event's, so -260 is before -11",
        ),
    ),
)

_N_FACTORS = "coalesce(len(string_split(factors, ';')), 0)"

STUDY_MODELS = Table(
    name="study_models",
    file="study/models.csv",
    description="Expected-return models and their factors.",
    grain="one row per model",
    key=("model_id",),
    default_from_bundled=True,
    columns=(
        Column(
            "model_id",
            Kind.TEXT,
            "Name of the model.",
            required=True,
            pattern=r"^[a-z][a-z0-9_]*$",
        ),
        Column(
            "factors",
            Kind.TEXT,
            "What explains the share's return, separated by ';': tickers, or the word bitcoin. "
            "None for mean_adjusted, one for market_adjusted, one or more for ols.",
            reference=Reference(
                table="companies",
                column="ticker",
                refuse=True,
                separator=";",
                also=(BITCOIN_FACTOR,),
                mend="name a ticker of ledger/companies.csv (or the word bitcoin) as the factor "
                "in study/models.csv of your data folder",
            ),
        ),
        Column(
            "is_headline",
            Kind.BOOLEAN,
            "True for the one model the summary shows.",
            required=True,
        ),
        Column("reason", Kind.TEXT, "Why this model.", required=True),
        Column(
            "method",
            Kind.TEXT,
            "Normal return: the share's own mean, the factor itself, or a regression on the "
            "factors (ols); ols where empty.",
            in_file=False,
            one_of=("mean_adjusted", "market_adjusted", "ols"),
        ),
        Column(
            "return_kind",
            Kind.TEXT,
            "Returns of share and factors; simple where empty.",
            in_file=False,
            one_of=("simple", "log"),
        ),
        Column(
            "leverage",
            Kind.TEXT,
            "Part of the prediction variance that estimation error adds: what the model implies, "
            "or 1/n, which only market_adjusted may ask for; model where empty.",
            in_file=False,
            one_of=("model", "one_over_n"),
        ),
        Column(
            "mask_other_events",
            Kind.BOOLEAN,
            "True drops from a firm's estimation window the sessions next to other events that "
            "name it; false where empty.",
            in_file=False,
        ),
    ),
    rules=(
        RowRule(
            "mean_adjusted_has_no_factor",
            f"method IS DISTINCT FROM 'mean_adjusted' OR {_N_FACTORS} = 0",
            "a mean_adjusted model has no factor: empty its field factors",
        ),
        RowRule(
            "market_adjusted_has_one_factor",
            f"method IS DISTINCT FROM 'market_adjusted' OR {_N_FACTORS} = 1",
            "a market_adjusted model has exactly one factor: name one in its field factors",
        ),
        RowRule(
            "ols_has_factors",
            f"coalesce(method, 'ols') <> 'ols' OR {_N_FACTORS} >= 1",
            "an ols model needs a factor: name one in its field factors, or say mean_adjusted "
            "in the column method",
        ),
        RowRule(
            "factors_differ",
            "len(list_distinct(list_transform(string_split(factors, ';'), "
            f"lambda factor: trim(factor)))) = {_N_FACTORS}",
            "a factor is named twice: a regression cannot tell the two apart",
        ),
        RowRule(
            "one_over_n_is_for_market_adjusted",
            "leverage IS DISTINCT FROM 'one_over_n' OR method IS NOT DISTINCT FROM "
            "'market_adjusted'",
            "only a market_adjusted model may have the leverage one_over_n: the others estimate "
            "what theirs is",
        ),
        RowRule(
            "headline_has_simple_returns",
            "NOT is_headline OR coalesce(return_kind, 'simple') = 'simple'",
            "the summary splits a simple return into parts: choose a model with simple returns as "
            "headline (the same model may stand beside it with log returns)",
        ),
    ),
    table_rules=(
        TableRule(
            "one_headline",
            "count(*) FILTER (WHERE is_headline) = 1",
            "needs exactly one model with is_headline = 1",
            "coalesce(string_agg(model_id, ' and ' ORDER BY model_id) FILTER (WHERE is_headline), "
            "'none')",
            "set is_headline to 1 for the model the summary shows and to 0 for all others",
        ),
    ),
)

STUDY_WINDOWS = Table(
    name="study_windows",
    file="study/windows.csv",
    description="Event windows in sessions relative to the event session.",
    grain="one row per window",
    key=("window_id",),
    default_from_bundled=True,
    columns=(
        Column(
            "window_id",
            Kind.TEXT,
            "Window as it is written, for example [-1,1].",
            required=True,
            pattern=r"^\[-?\d+,-?\d+\]$",
        ),
        Column(
            "first_day",
            Kind.INTEGER,
            "First relative session.",
            required=True,
            at_least=-250,
            at_most=250,
        ),
        Column(
            "last_day",
            Kind.INTEGER,
            "Last relative session.",
            required=True,
            at_least=-250,
            at_most=250,
        ),
        Column(
            "rank_first_day",
            Kind.INTEGER,
            "First relative session that the rank tests of this window rank beside the "
            "estimation window; first_day where empty.",
            in_file=False,
            at_least=-250,
            at_most=250,
        ),
        Column(
            "rank_last_day",
            Kind.INTEGER,
            "Last relative session that they rank; last_day where empty.",
            in_file=False,
            at_least=-250,
            at_most=250,
        ),
    ),
    rules=(
        RowRule("window_runs_forward", "first_day <= last_day", "the window ends before it starts"),
        RowRule(
            "name_is_the_window",
            "window_id = '[' || first_day || ',' || last_day || ']'",
            "window_id does not spell first_day and last_day",
        ),
        RowRule(
            "rank_days_come_in_pairs",
            "(rank_first_day IS NULL) = (rank_last_day IS NULL)",
            "only one of rank_first_day and rank_last_day has a value: give both or none",
        ),
        RowRule(
            "rank_days_run_forward",
            "rank_first_day <= rank_last_day",
            "the ranked days end before they start",
        ),
        RowRule(
            "rank_days_hold_the_window",
            "rank_first_day > rank_last_day "
            "OR (rank_first_day <= first_day AND last_day <= rank_last_day)",
            "rank_first_day to rank_last_day do not hold the whole window, whose days are tested",
        ),
    ),
)

STUDY_GROUPS = Table(
    name="study_groups",
    file="study/groups.csv",
    description="Groups of firms that are tested together.",
    grain="one row per group",
    key=("group_id",),
    default_from_bundled=True,
    columns=(
        Column(
            "group_id",
            Kind.TEXT,
            "Name of the group.",
            required=True,
            pattern=r"^[a-z][a-z0-9_]*$",
        ),
        Column("title", Kind.TEXT, "Group in words.", required=True),
        Column(
            "rule_kind",
            Kind.TEXT,
            "How members are chosen: focal (is_focal), role, a list of tickers, named (firms the "
            "event names) or exposure (miners by their AI exposure known at the event).",
            required=True,
            one_of=("focal", "role", "tickers", "named", "exposure"),
        ),
        Column(
            "rule_value",
            Kind.TEXT,
            "The role, tickers separated by ';', or the exposure: contracted (contracted MW above "
            "0), none_found (known to be zero) or unknown; none for focal and named.",
            reference=_known_company(refuse=True, separator=";", when="rule_kind = 'tickers'"),
        ),
    ),
    rules=(
        RowRule(
            "rule_has_value",
            "rule_kind IN ('focal', 'named') OR rule_value IS NOT NULL",
            "rule_value is empty: name the role, the tickers or the exposure",
        ),
        RowRule(
            "role_is_known",
            f"rule_kind <> 'role' OR rule_value IN {_listed(ROLES)}",
            f"rule_value is no role: choose one of {', '.join(ROLES)}",
        ),
        RowRule(
            "exposure_is_known",
            f"rule_kind <> 'exposure' OR rule_value IN {_listed(EXPOSURES)}",
            f"rule_value is no exposure: choose one of {', '.join(EXPOSURES)}",
        ),
    ),
)

STUDY_EVENT_SETS = Table(
    name="study_event_sets",
    file="study/event_sets.csv",
    description="Sets of events that are studied together.",
    grain="one row per set",
    key=("set_id",),
    columns=(
        Column(
            "set_id",
            Kind.TEXT,
            "Name of the set; no event has the same.",
            required=True,
            pattern=r"^[a-z][a-z0-9_-]*$",
        ),
        Column("title", Kind.TEXT, "Set in words.", required=True),
        Column(
            "rule_kind",
            Kind.TEXT,
            "How events are chosen: all of an event_type, or a list of events.",
            required=True,
            one_of=("event_type", "events"),
        ),
        Column(
            "rule_value",
            Kind.TEXT,
            "The event_type, or event ids separated by ';'.",
            required=True,
            reference=Reference(
                table="market_events",
                column="event_id",
                refuse=True,
                separator=";",
                when="rule_kind = 'events'",
                mend="add the event to ledger/events.csv or correct its spelling",
            ),
        ),
    ),
    rules=(
        RowRule(
            "set_is_no_event",
            "set_id NOT IN (SELECT event_id FROM raw.market_events)",
            "set_id is the name of an event too: the results of the two would be one",
        ),
    ),
)

STUDY_BASKETS = Table(
    name="study_baskets",
    file="study/baskets.csv",
    description="Baskets of shares whose mean return is a factor of the rolling betas.",
    grain="one row per basket",
    key=("basket_id",),
    default_from_bundled=True,
    columns=(
        Column(
            "basket_id",
            Kind.TEXT,
            "Name of the basket: ai is what the betas of fct_rolling_betas are measured against.",
            required=True,
            one_of=BASKETS,
        ),
        Column("title", Kind.TEXT, "Basket in words.", required=True),
        Column(
            "rule_kind",
            Kind.TEXT,
            "How members are chosen: role, or a list of tickers.",
            required=True,
            one_of=("role", "tickers"),
        ),
        Column(
            "rule_value",
            Kind.TEXT,
            "The role, or tickers separated by ';'. Members weigh the same; one joins with its "
            "first return.",
            required=True,
            reference=_known_company(refuse=True, separator=";", when="rule_kind = 'tickers'"),
        ),
        Column("reason", Kind.TEXT, "Why these shares.", required=True),
    ),
    rules=(
        RowRule(
            "role_is_known",
            f"rule_kind <> 'role' OR rule_value IN {_listed(ROLES)}",
            f"rule_value is no role: choose one of {', '.join(ROLES)}",
        ),
    ),
    required_keys=BASKETS,
)

STUDY_ROLLING_WINDOWS = Table(
    name="study_rolling_windows",
    file="study/rolling_windows.csv",
    description="Lengths of the trailing windows over which rolling betas are estimated.",
    grain="one row per window length",
    key=("window_sessions",),
    default_from_bundled=True,
    columns=(
        Column(
            "window_sessions",
            Kind.INTEGER,
            "Sessions of the window; the last is the session of the beta.",
            required=True,
            # Three coefficients and a variance need more rows than a handful.
            at_least=10,
            at_most=2_000,
        ),
        Column(
            "min_sessions",
            Kind.INTEGER,
            "Fewest sessions with a return of share, basket and bitcoin that give a beta.",
            required=True,
            at_least=10,
            at_most=2_000,
        ),
        Column(
            "is_headline",
            Kind.BOOLEAN,
            "True for the one window whose ai_tilt is the market-implied exposure.",
            required=True,
        ),
        Column("reason", Kind.TEXT, "Why this length.", required=True),
        Column("decided_date", Kind.DATE, "Day it was decided.", required=True),
    ),
    rules=(
        RowRule(
            "minimum_fits_the_window",
            "min_sessions <= window_sessions",
            "min_sessions is more than the window holds: no beta could ever be estimated",
        ),
    ),
    table_rules=(
        TableRule(
            "one_headline_window",
            "count(*) FILTER (WHERE is_headline) = 1",
            "needs exactly one window with is_headline = 1",
            "coalesce(string_agg(window_sessions::varchar, ' and ' ORDER BY window_sessions) "
            "FILTER (WHERE is_headline), 'none')",
            "set is_headline to 1 for the window whose ai_tilt counts as exposure and to 0 for "
            "all others",
        ),
    ),
)

STUDY_SCENARIOS = Table(
    name="study_scenarios",
    file="study/scenarios.csv",
    description="Scenarios of miners that turn part of their power over to AI hosting.",
    grain="one row per scenario",
    key=("scenario_id",),
    default_from_bundled=True,
    columns=(
        Column(
            "scenario_id",
            Kind.TEXT,
            "Name of the scenario.",
            required=True,
            pattern=r"^[a-z][a-z0-9_]*$",
        ),
        Column("title", Kind.TEXT, "Scenario in words.", required=True),
        Column(
            "as_of_dates",
            Kind.TEXT,
            "Days (YYYY-MM-DD) or the word latest, separated by ';': capacity and hashprice are "
            "those known at the end of each. latest is the newest session with prices.",
            required=True,
            pattern=r"^(latest|\d{4}-\d{2}-\d{2})(;(latest|\d{4}-\d{2}-\d{2}))*$",
        ),
        Column("note", Kind.TEXT, "What the scenario can and cannot say.", in_file=False),
    ),
    rules=(
        RowRule(
            "as_of_dates_exist",
            "len(list_filter(string_split(as_of_dates, ';'), lambda day: day <> 'latest' "
            "AND TRY_CAST(day AS DATE) IS NULL)) = 0",
            "as_of_dates names a day that no calendar has",
        ),
    ),
)


def _scenario_reference() -> Reference:
    return Reference(
        table="study_scenarios",
        column="scenario_id",
        refuse=True,
        mend="add the scenario to study/scenarios.csv or correct its spelling; a folder that has "
        "its own study/scenarios.csv needs its own study/scenario_assumptions.csv and "
        "study/scenario_sensitivities.csv too",
    )


def _scenario_rules(names: dict[str, tuple[str, float, float]]) -> tuple[RowRule, ...]:
    """Every value lies where its assumption can be meant; whole years and days are whole."""
    bounds = " ".join(
        f"WHEN '{name}' THEN value BETWEEN {low!r} AND {high!r}"
        for name, (_, low, high) in names.items()
    )
    return (
        RowRule(
            "value_can_be_meant",
            f"CASE assumption {bounds} ELSE true END",
            "value lies outside what the assumption can mean ("
            + ", ".join(f"{name} {low:g} to {high:g}" for name, (_, low, high) in names.items())
            + ")",
        ),
        RowRule(
            "years_and_days_are_whole",
            "assumption NOT IN ('horizon_years', 'hashprice_mean_days') OR value = floor(value)",
            "horizon_years and hashprice_mean_days are whole numbers",
        ),
    )


_ASSUMPTIONS = SCENARIO_INPUTS | SCENARIO_OVERRIDES | SCENARIO_ANCHORS
_NEEDED_ASSUMPTIONS = _listed(tuple(SCENARIO_INPUTS))

STUDY_SCENARIO_ASSUMPTIONS = Table(
    name="study_scenario_assumptions",
    file="study/scenario_assumptions.csv",
    description="Every figure a scenario assumes, with its source or, where ours, its reason.",
    grain="one row per scenario and assumption",
    key=("scenario_id", "assumption"),
    default_from_bundled=True,
    columns=(
        Column(
            "scenario_id",
            Kind.TEXT,
            "Scenario as in study_scenarios.",
            required=True,
            reference=_scenario_reference(),
        ),
        Column(
            "assumption",
            Kind.TEXT,
            "What is assumed. Every scenario needs "
            + ", ".join(SCENARIO_INPUTS)
            + ". hashprice_usd_ph fixes the hashprice, else the network's own mean of the last "
            "hashprice_mean_days days holds. Names with anchor_ are results of others.",
            required=True,
            one_of=tuple(_ASSUMPTIONS),
        ),
        Column(
            "value",
            Kind.NUMBER,
            "The figure, in unit.",
            required=True,
            at_least=-1e14,
            at_most=1e14,
        ),
        Column("unit", Kind.TEXT, "Unit of value.", required=True),
        Column(
            "origin",
            Kind.TEXT,
            "published (by the page at source_url) or ours (the reason is in note).",
            required=True,
            one_of=("published", "ours"),
        ),
        Column(
            "source_url",
            Kind.TEXT,
            "Public address that states a published figure.",
            pattern=r"^https?://\S+$",
        ),
        Column(
            "source_quality",
            Kind.TEXT,
            "Grade of that source: primary (filing, company), press_release_copy, news, repost.",
            one_of=QUALITY_GRADES,
        ),
        Column(
            "claim_id",
            Kind.TEXT,
            "The same figure in press_claims, where it stands there; a check compares the two.",
            in_file=False,
        ),
        Column("note", Kind.TEXT, "How the figure is meant; the reason for ours.", required=True),
    ),
    rules=(
        *_scenario_rules(_ASSUMPTIONS),
        RowRule(
            "unit_fits_assumption",
            "unit = CASE assumption "
            + " ".join(
                f"WHEN '{name}' THEN '{unit}'" for name, (unit, _, _) in _ASSUMPTIONS.items()
            )
            + " ELSE unit END",
            "unit does not fit the assumption ("
            + "; ".join(f"{name} in {unit}" for name, (unit, _, _) in _ASSUMPTIONS.items())
            + ")",
        ),
        RowRule(
            "published_names_its_source",
            "origin <> 'published' OR (source_url IS NOT NULL AND source_quality IS NOT NULL)",
            "a published figure needs source_url and source_quality; without them it is ours",
        ),
        RowRule(
            "ours_has_no_source",
            "origin <> 'ours' OR (source_url IS NULL AND source_quality IS NULL)",
            "a figure of ours has no source_url: give the reason in note, or call it published",
        ),
        RowRule(
            "anchor_is_published",
            "assumption NOT LIKE 'anchor\\_%' ESCAPE '\\' OR origin = 'published'",
            "an anchor is what others published: name its source",
        ),
    ),
    table_rules=(
        TableRule(
            "every_scenario_is_complete",
            f"count(*) FILTER (WHERE assumption IN {_NEEDED_ASSUMPTIONS}) "
            f"= {len(SCENARIO_INPUTS)} * (SELECT count(*) FROM raw.study_scenarios)",
            "needs every assumption of every scenario",
            "array_to_string(list_filter(flatten(list_transform("
            "(SELECT list(scenario_id ORDER BY scenario_id) FROM raw.study_scenarios), "
            f"lambda s: list_transform({list(SCENARIO_INPUTS)!r}, "
            "lambda a: s || ' lacks ' || a))), lambda words: NOT list_contains("
            "list(scenario_id || ' lacks ' || assumption), words)), ', ')",
            "add the missing rows: the project's own data/study/scenario_assumptions.csv has all "
            "of them to copy",
        ),
    ),
)

STUDY_SCENARIO_SENSITIVITIES = Table(
    name="study_scenario_sensitivities",
    file="study/scenario_sensitivities.csv",
    description="Other values of one assumption at a time, for the sensitivity of a scenario.",
    grain="one row per scenario, assumption and value",
    key=("scenario_id", "assumption", "value"),
    default_from_bundled=True,
    columns=(
        Column(
            "scenario_id",
            Kind.TEXT,
            "Scenario as in study_scenarios.",
            required=True,
            reference=_scenario_reference(),
        ),
        Column(
            "assumption",
            Kind.TEXT,
            "The assumption that is changed while all others stay.",
            required=True,
            one_of=tuple(SCENARIO_INPUTS | SCENARIO_OVERRIDES),
        ),
        Column(
            "value",
            Kind.NUMBER,
            "The value it takes, in the unit of the assumption.",
            required=True,
            at_least=-1e14,
            at_most=1e14,
        ),
    ),
    rules=_scenario_rules(SCENARIO_INPUTS | SCENARIO_OVERRIDES),
)


def _measures_of(unit: str) -> str:
    """The measures of one unit, as the right side of IN."""
    return _listed(tuple(name for name, (its, _) in CLAIM_MEASURES.items() if its == unit))


def _optional_text(name: str, description: str, reference: Reference | None = None) -> Column:
    return Column(name, Kind.TEXT, description, in_file=False, reference=reference)


STUDY_CLAIM_CHECKS = Table(
    name="study_claim_checks",
    file="study/claim_checks.csv",
    description="How each claim of press_claims is checked: what is measured and compared.",
    grain="one row per claim and check",
    key=("claim_id", "check_number"),
    columns=(
        Column(
            "claim_id",
            Kind.TEXT,
            "Claim that is checked.",
            required=True,
            reference=Reference(
                table="press_claims",
                column="claim_id",
                refuse=True,
                mend="add the claim to ledger/press_claims.csv or correct its spelling",
            ),
        ),
        Column(
            "check_number",
            Kind.INTEGER,
            "Number of the check within its claim; the first that decides is shown first.",
            required=True,
            at_least=1,
            at_most=99,
        ),
        Column(
            "measure_id",
            Kind.TEXT,
            "What is measured; none where nothing in the warehouse measures it.",
            required=True,
            one_of=tuple(CLAIM_MEASURES),
        ),
        Column(
            "comparison",
            Kind.TEXT,
            "How it is compared: between, near, at_least, at_most, above and below with numbers, "
            "same_date with the claim's or the expected day, mentions and mentions_none with "
            "words of the expected text; none with the measure none.",
            required=True,
            one_of=CLAIM_COMPARISONS,
        ),
        Column(
            "decides",
            Kind.BOOLEAN,
            "True where the verdict rests on the check; false where its figure is only shown.",
            required=True,
        ),
        Column(
            "is_proxy",
            Kind.BOOLEAN,
            "True where the figure is the nearest there is and not the claimed one: it can "
            "refute the claim, but confirm it only in part; false where empty.",
            in_file=False,
        ),
        Column(
            "event_id",
            Kind.TEXT,
            "Event whose session is measured.",
            in_file=False,
            reference=Reference(
                table="market_events",
                column="event_id",
                refuse=True,
                mend="add the event to ledger/events.csv or correct its spelling",
            ),
        ),
        _optional_text(
            "tickers",
            "Companies that are measured, separated by ';'.",
            _known_company(refuse=True, separator=";"),
        ),
        Column(
            "role",
            Kind.TEXT,
            "Role whose companies are measured together.",
            in_file=False,
            one_of=ROLES,
        ),
        _optional_text(
            "announcement_ids",
            "Announcements that are compared, separated by ';'.",
            Reference(
                table="capex_announcements",
                column="announcement_id",
                refuse=True,
                separator=";",
                mend="add it to ledger/announcements.csv or correct its spelling",
            ),
        ),
        _optional_text(
            "cited_claim_ids",
            "Other cited claims that are compared, separated by ';'.",
            Reference(
                table="press_claims",
                column="claim_id",
                refuse=True,
                separator=";",
                mend="add the claim to ledger/press_claims.csv or correct its spelling",
            ),
        ),
        _optional_text("fiscal_period", "Period of the capex, as in hyperscaler_capex."),
        _optional_text("definition", "Definition of that capex, as in hyperscaler_capex."),
        _optional_text("base_fiscal_period", "Earlier period that growth is measured from."),
        _optional_text("base_definition", "Definition of the earlier period's capex."),
        Column("first_date", Kind.DATE, "First day that is measured.", in_file=False),
        Column("last_date", Kind.DATE, "Last day that is measured.", in_file=False),
        Column(
            "known_by_date",
            Kind.DATE,
            "Only facts that were public at the end of this day (New York) count; all where empty.",
            in_file=False,
        ),
        Column(
            "expected_low",
            Kind.NUMBER,
            "Lower bound in unit; the claim's own where empty.",
            in_file=False,
        ),
        Column(
            "expected_high",
            Kind.NUMBER,
            "Upper bound in unit; the claim's own where empty.",
            in_file=False,
        ),
        Column(
            "expected_text",
            Kind.TEXT,
            "Expected day (YYYY-MM-DD or YYYY-MM), or words separated by ';' of which the "
            "evidence should hold one (mentions) or none (mentions_none). The claim's own day "
            "where empty.",
            in_file=False,
        ),
        Column(
            "tolerance",
            Kind.NUMBER,
            "How far outside the bounds a number may lie, in unit.",
            in_file=False,
            at_least=0,
            at_most=1e14,
        ),
        Column(
            "unit",
            Kind.TEXT,
            "Unit of the measure, the bounds and the tolerance.",
            in_file=False,
        ),
        Column(
            "reason",
            Kind.TEXT,
            "Why this measure and this tolerance, or why nothing can be measured.",
            required=True,
        ),
        Column("decided_date", Kind.DATE, "Day it was decided.", required=True),
    ),
    rules=(
        RowRule(
            "number_has_tolerance",
            f"comparison NOT IN {_listed(NUMBER_COMPARISONS)} OR tolerance IS NOT NULL",
            "tolerance is empty: say how far a number may lie outside its bounds (0 is allowed)",
        ),
        RowRule(
            "words_are_given",
            f"comparison NOT IN {_listed(TEXT_COMPARISONS)} OR expected_text IS NOT NULL",
            "expected_text is empty: give the words to look for",
        ),
        RowRule(
            "expected_day_is_a_day",
            "comparison <> 'same_date' OR expected_text IS NULL "
            "OR regexp_full_match(expected_text, '\\d{4}-\\d{2}(-\\d{2})?')",
            "expected_text is no day: write YYYY-MM-DD or YYYY-MM",
        ),
        RowRule(
            "bounds_run_upward",
            "expected_low IS NULL OR expected_high IS NULL OR expected_low <= expected_high",
            "expected_low is above expected_high",
        ),
        RowRule(
            "days_run_forward",
            "first_date IS NULL OR last_date IS NULL OR first_date <= last_date",
            "last_date is before first_date",
        ),
        RowRule(
            "comparison_fits_measure",
            "CASE WHEN measure_id = 'none' THEN comparison = 'none' "
            f"WHEN measure_id IN {_measures_of('text')} "
            f"THEN comparison IN {_listed(TEXT_COMPARISONS)} "
            f"WHEN measure_id IN {_measures_of('date')} "
            f"THEN comparison IN {_listed(DATE_COMPARISONS)} "
            f"ELSE comparison IN {_listed(NUMBER_COMPARISONS)} END",
            "comparison does not fit the measure: numbers, days and texts have their own",
        ),
        RowRule(
            "cited_number_has_unit",
            "measure_id <> 'cited_value' OR unit IS NOT NULL",
            "unit is empty: say in which unit the cited value is compared",
        ),
        *(
            RowRule(
                f"{measure}_has_its_unit",
                f"measure_id <> '{measure}' OR unit IS NOT DISTINCT FROM '{unit}'",
                f"the unit of {measure} is {unit}",
            )
            for measure, (unit, _) in CLAIM_MEASURES.items()
            if unit
        ),
        *(
            RowRule(
                f"{measure}_has_its_fields",
                f"measure_id <> '{measure}' OR ("
                + " AND ".join(f"{field} IS NOT NULL" for field in fields)
                + ")",
                f"{measure} needs {', '.join(fields)}",
            )
            for measure, (_, fields) in CLAIM_MEASURES.items()
            if fields
        ),
    ),
)

STUDY_SCANS = Table(
    name="study_scans",
    file="study/scans.csv",
    description="Scans of all sessions for days on which a group of firms moved abnormally. "
    "Without this file no session is scanned.",
    grain="one row per scan",
    key=("scan_id",),
    columns=(
        Column(
            "scan_id",
            Kind.TEXT,
            "Name of the scan.",
            required=True,
            pattern=r"^[a-z][a-z0-9_]*$",
        ),
        Column("title", Kind.TEXT, "Scan in words.", required=True),
        Column(
            "group_id",
            Kind.TEXT,
            "Group of study/groups.csv whose equal-weighted portfolio is scanned; its members "
            "must be the same on every session (focal, role or tickers).",
            required=True,
            reference=Reference(
                table="study_groups",
                column="group_id",
                refuse=True,
                mend="name a group of study/groups.csv",
            ),
        ),
        Column(
            "model_id",
            Kind.TEXT,
            "Expected-return model of study/models.csv, one that masks no events.",
            required=True,
            reference=Reference(
                table="study_models",
                column="model_id",
                refuse=True,
                mend="name a model of study/models.csv",
            ),
        ),
        Column("reason", Kind.TEXT, "Why this group and model.", required=True),
    ),
    rules=(
        RowRule(
            "group_is_fixed",
            "group_id NOT IN (SELECT group_id FROM raw.study_groups "
            "WHERE rule_kind IN ('named', 'exposure'))",
            "the group's members change with the event, and a scanned session has none: choose a "
            "group whose rule_kind is focal, role or tickers",
        ),
        RowRule(
            "model_masks_nothing",
            "model_id NOT IN (SELECT model_id FROM raw.study_models WHERE mask_other_events)",
            "the model leaves out sessions near other events, and a scan looks at all of them "
            "alike: choose a model without mask_other_events",
        ),
    ),
)

FILING_CANDIDATES = Table(
    name="filing_candidates",
    file="filings/candidates.csv",
    description="Filings with the SEC that may announce capex or contracts: candidates for the "
    "ledger, which a person confirms, never facts.",
    grain="one row per ticker, filing day and filing",
    key=("ticker", "filed_date", "accession"),
    time_column="filed_date",
    symbol_column="ticker",
    placeholder="status = 'unread'",
    columns=(
        Column(
            "ticker",
            Kind.TEXT,
            "Symbol as in companies.",
            required=True,
            reference=_known_company(refuse=True),
        ),
        Column("filed_date", Kind.DATE, "Day EDGAR dates the filing (New York).", required=True),
        Column(
            "accession",
            Kind.TEXT,
            "Accession number of the filing.",
            required=True,
            pattern=_ACCESSION,
        ),
        Column(
            "cik",
            Kind.TEXT,
            "SEC central index key of the company, ten digits.",
            required=True,
            pattern=r"^\d{10}$",
        ),
        Column("form", Kind.TEXT, "Form, for example 8-K, 6-K, 40-F.", required=True),
        Column("items", Kind.TEXT, "Items of an 8-K, separated by ','."),
        Column("report_date", Kind.DATE, "Day or period end the filing reports."),
        Column(
            "accepted_at",
            Kind.INSTANT,
            "When EDGAR accepted the filing (UTC); empty where it is not clear whether the SEC "
            "printed UTC or the clock of New York.",
            in_file=False,
        ),
        Column(
            "matched_terms",
            Kind.TEXT,
            "Phrases of study_filing_searches its documents hold, separated by ';'.",
        ),
        Column(
            "amount_usd_candidates",
            Kind.TEXT,
            "Sums in USD that stand near a phrase, the most frequent first, separated by ';'.",
            pattern=r"^\d+(\.\d+)?(;\d+(\.\d+)?)*$",
        ),
        Column(
            "power_mw_candidates",
            Kind.TEXT,
            "Megawatts that stand near a phrase, the most frequent first, separated by ';'.",
            pattern=r"^\d+(\.\d+)?(;\d+(\.\d+)?)*$",
        ),
        Column(
            "power_basis_candidates",
            Kind.TEXT,
            "Which megawatt each of power_mw_candidates is (critical_it, gross, unknown), in the "
            "same order.",
            pattern=r"^(critical_it|gross|unknown)(;(critical_it|gross|unknown))*$",
        ),
        Column("excerpt", Kind.TEXT, "Text around the first phrase, to judge it by."),
        Column(
            "document_url",
            Kind.TEXT,
            "Public address of the document with most of the figures, else of the filing.",
            required=True,
            pattern=r"^https?://\S+$",
        ),
        Column(
            "status",
            Kind.TEXT,
            "figures_found (a phrase with a sum or megawatts near it), terms_found, unread (the "
            "search names the filing, its documents cannot be read) or listed (no phrase found).",
            required=True,
            one_of=("figures_found", "terms_found", "unread", "listed"),
        ),
    ),
    rules=(
        RowRule(
            "every_power_has_its_basis",
            "len(string_split(power_mw_candidates, ';')) "
            "IS NOT DISTINCT FROM len(string_split(power_basis_candidates, ';'))",
            "power_mw_candidates and power_basis_candidates are not of one length",
        ),
    ),
)

XBRL_FACTS = Table(
    name="xbrl_facts",
    file="filings/xbrl_facts.csv",
    description="Figures that companies report to the SEC as XBRL, one per filing that states "
    "them, so that what was known on a day can be told.",
    grain="one row per ticker, concept, unit, period and filing",
    key=("ticker", "taxonomy", "concept", "unit", "period_start", "period_end", "accession"),
    max_rejected_share=0.01,
    columns=(
        Column(
            "ticker",
            Kind.TEXT,
            "Symbol as in companies.",
            required=True,
            reference=_known_company(refuse=True),
        ),
        Column(
            "taxonomy",
            Kind.TEXT,
            "Taxonomy of the concept.",
            required=True,
            one_of=XBRL_TAXONOMIES,
        ),
        Column("concept", Kind.TEXT, "Concept as the taxonomy names it.", required=True),
        Column("unit", Kind.TEXT, "Unit, for example USD, CAD or shares.", required=True),
        Column("period_start", Kind.DATE, "First day of the period; empty for a point in time."),
        Column("period_end", Kind.DATE, "Last day of the period, or the day.", required=True),
        Column(
            "fiscal_period",
            Kind.TEXT,
            "Fiscal period of the filing (Q1, Q2, Q3, FY), not of the figure: a comparative "
            "carries that of the filing which repeats it.",
        ),
        Column(
            "value",
            Kind.NUMBER,
            "The figure, in unit.",
            required=True,
            at_least=-1e15,
            at_most=1e15,
        ),
        Column("filed_date", Kind.DATE, "Day the filing is dated (New York).", required=True),
        Column(
            "accession",
            Kind.TEXT,
            "Accession number of the filing.",
            required=True,
            pattern=_ACCESSION,
        ),
        Column("form", Kind.TEXT, "Form, for example 10-Q, 10-K, 40-F.", required=True),
    ),
    rules=(
        RowRule(
            "period_runs_forward",
            "period_start IS NULL OR period_start <= period_end",
            "the period ends before it starts",
        ),
    ),
)

STUDY_XBRL_CONCEPTS = Table(
    name="study_xbrl_concepts",
    file="study/xbrl_concepts.csv",
    description="XBRL concepts that are kept, and what each of them measures.",
    grain="one row per concept",
    key=("taxonomy", "concept"),
    default_from_bundled=True,
    columns=(
        Column(
            "taxonomy",
            Kind.TEXT,
            "Taxonomy: us-gaap, ifrs-full (foreign filers) or dei (cover page).",
            required=True,
            one_of=XBRL_TAXONOMIES,
        ),
        Column(
            "concept",
            Kind.TEXT,
            "Concept as the taxonomy names it.",
            required=True,
            pattern=r"^[A-Z][A-Za-z0-9]*$",
        ),
        Column(
            "metric",
            Kind.TEXT,
            "What it measures.",
            required=True,
            one_of=XBRL_METRICS,
        ),
        Column(
            "unit",
            Kind.TEXT,
            "Unit that is used; figures in others are kept and left aside.",
            required=True,
            one_of=("USD", "shares"),
        ),
        Column(
            "priority",
            Kind.INTEGER,
            "Where a period has several concepts of a metric, the lowest number holds.",
            required=True,
            at_least=1,
            at_most=100,
        ),
        Column("reason", Kind.TEXT, "Why it is kept, and why in this place.", required=True),
    ),
    rules=(
        RowRule(
            "unit_fits_metric",
            "(unit = 'shares') = (metric = 'shares_outstanding')",
            "unit does not fit the metric",
        ),
    ),
    table_rules=(
        TableRule(
            "one_concept_per_priority",
            "count(DISTINCT (metric, priority)) = count(*)",
            "needs another priority for every concept of a metric",
            "count(*) || ' concepts with ' || count(DISTINCT (metric, priority)) "
            "|| ' different priorities'",
            "number the concepts of each metric 1, 2, 3",
        ),
    ),
)

STUDY_FILING_SEARCHES = Table(
    name="study_filing_searches",
    file="study/filing_searches.csv",
    description="Phrases that are looked for in filings with the SEC.",
    grain="one row per phrase",
    key=("phrase",),
    default_from_bundled=True,
    columns=(
        Column(
            "phrase",
            Kind.TEXT,
            "Words that stand together in the filing.",
            required=True,
            pattern=r'^[^";]+$',
            max_length=100,
        ),
        Column(
            "forms",
            Kind.TEXT,
            "Forms that are searched, separated by ';'; amendments are searched with their form.",
            required=True,
            pattern=r"^[A-Z0-9-]+(;[A-Z0-9-]+)*$",
        ),
        Column(
            "priority",
            Kind.INTEGER,
            "The phrase of lowest number that a filing holds suggests the kind.",
            required=True,
            at_least=1,
            at_most=100,
        ),
        Column(
            "suggested_kind",
            Kind.TEXT,
            "Kind of announcement it points to; empty where a person must say.",
            one_of=ANNOUNCEMENT_KINDS,
        ),
        Column("reason", Kind.TEXT, "Why it is looked for.", required=True),
    ),
    table_rules=(
        TableRule(
            "one_phrase_per_priority",
            "count(DISTINCT priority) = count(*)",
            "needs another priority for every phrase",
            "count(*) || ' phrases with ' || count(DISTINCT priority) || ' different priorities'",
            "number the phrases 1, 2, 3",
        ),
    ),
)

RECONCILIATION_TOLERANCES = Table(
    name="reconciliation_tolerances",
    file="study/reconciliation.csv",
    description="How far two sources may differ before the difference is reported.",
    grain="one row per compared table, key and field",
    key=("table_name", "ticker"),
    default_from_bundled=True,
    columns=(
        Column(
            "table_name",
            Kind.TEXT,
            "Comparison: equity_prices with their second source, btc_prices with the price in "
            "network_metrics, or a second source with the table it stands beside.",
            required=True,
            one_of=(
                "equity_prices",
                "btc_prices",
                "btc_prices_second_source",
                "network_metrics_second_source",
            ),
        ),
        Column("ticker", Kind.TEXT, "Symbol, or * for all others.", required=True),
        Column(
            "field",
            Kind.TEXT,
            "What is compared: the close itself, its return where levels are adjusted apart, or "
            "the hashrate.",
            required=True,
            one_of=("close_usd", "close_return", "hashrate_eh_s"),
        ),
        Column(
            "tolerance",
            Kind.NUMBER,
            "Largest accepted difference: absolute for close_return, else relative.",
            required=True,
            above=0,
            at_most=1,
        ),
        Column("reason", Kind.TEXT, "Why this tolerance.", required=True),
        Column("decided_date", Kind.DATE, "Day it was decided.", required=True),
    ),
    rules=(
        RowRule(
            "field_fits_the_table",
            "(field = 'hashrate_eh_s') = (table_name = 'network_metrics_second_source')",
            "field does not belong to the table: hashrate_eh_s is that of "
            "network_metrics_second_source, and only that",
        ),
    ),
)

STUDY_VENDORS = Table(
    name="study_vendors",
    file="study/vendors.csv",
    description="Who is asked for which table when figures come from live sources, and in which "
    "order vendors stand in for one another.",
    grain="one row per table, chain and vendor",
    key=("table_name", "chain", "vendor"),
    default_from_bundled=True,
    columns=(
        Column(
            "table_name",
            Kind.TEXT,
            "Raw table that is asked for.",
            required=True,
            one_of=LIVE_TABLES,
        ),
        Column(
            "chain",
            Kind.TEXT,
            "Vendors of one chain stand in for one another; every chain of a table is asked.",
            required=True,
            pattern=r"^[a-z][a-z0-9_]*$",
        ),
        Column(
            "rank",
            Kind.INTEGER,
            "Order within the chain: 1 is asked first.",
            required=True,
            at_least=1,
            at_most=9,
        ),
        Column("vendor", Kind.TEXT, "Who is asked.", required=True, one_of=VENDORS),
        Column("reason", Kind.TEXT, "Why, and what is known of it.", required=True),
    ),
    table_rules=(
        TableRule(
            "one_vendor_per_rank",
            "count(*) = count(DISTINCT table_name || '/' || chain || '/' || rank)",
            "holds one vendor per rank of a chain",
            "count(*) || ' rows for ' || count(DISTINCT table_name || '/' || chain || '/' || "
            "rank) || ' ranks'",
            "give each vendor of a chain its own rank, or another chain",
        ),
    ),
)


TABLES: tuple[Table, ...] = (
    COMPANIES,
    EXCHANGE_SESSIONS,
    EQUITY_PRICES,
    EQUITY_CLOSES_SECOND_SOURCE,
    EQUITY_SPLITS,
    EQUITY_DIVIDENDS,
    SYMBOL_ALIASES,
    BTC_PRICES,
    BTC_PRICES_SECOND_SOURCE,
    BTC_HOURLY_PRICES,
    NETWORK_METRICS,
    NETWORK_METRICS_SECOND_SOURCE,
    CAPEX_ANNOUNCEMENTS,
    COMPANY_FACTS,
    CAPEX_DEFINITIONS,
    HYPERSCALER_CAPEX,
    MARKET_EVENTS,
    PRESS_CLAIMS,
    SEARCH_COVERAGE,
    DEAL_PARTIES,
    STUDY_PARAMETERS,
    STUDY_MODELS,
    STUDY_WINDOWS,
    STUDY_GROUPS,
    STUDY_EVENT_SETS,
    STUDY_BASKETS,
    STUDY_ROLLING_WINDOWS,
    STUDY_SCANS,
    STUDY_SCENARIOS,
    STUDY_SCENARIO_ASSUMPTIONS,
    STUDY_SCENARIO_SENSITIVITIES,
    STUDY_CLAIM_CHECKS,
    STUDY_XBRL_CONCEPTS,
    STUDY_FILING_SEARCHES,
    XBRL_FACTS,
    FILING_CANDIDATES,
    RECONCILIATION_TOLERANCES,
    SOURCE_DOMAINS,
    STUDY_VENDORS,
)
BY_NAME = {table.name: table for table in TABLES}
