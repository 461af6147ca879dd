"""Who is asked for what: the vendors of the study, opened over the HTTP layer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property, lru_cache, partial

from dagster_project.contracts import BY_NAME, LIVE_TABLES, Extract, Gap, Table, Window
from dagster_project.errors import SourceError
from dagster_project.freshness import today_in_new_york
from dagster_project.settings import Settings
from dagster_project.sources.base import OnePart
from dagster_project.sources.live.archive import Archive
from dagster_project.sources.live.blockchain_com import BlockchainCom
from dagster_project.sources.live.coinbase import CoinbaseExchange
from dagster_project.sources.live.coinmetrics import CoinMetrics
from dagster_project.sources.live.edgar import Edgar, EdgarStudy, read_study
from dagster_project.sources.live.figures import BITCOIN, BitcoinVendor
from dagster_project.sources.live.hosts import policies
from dagster_project.sources.live.http_client import HttpClient, open_client
from dagster_project.sources.live.journal import Entry, Journal
from dagster_project.sources.live.kraken import Kraken
from dagster_project.sources.live.live_source import LiveSource, Plan
from dagster_project.sources.live.mempool import MempoolSpace
from dagster_project.sources.live.symbol_aliases import SymbolAlias, aliases_of
from dagster_project.sources.live.tiingo import TiingoVendor
from dagster_project.sources.live.vendor import Vendor
from dagster_project.sources.live.yahoo import YahooVendor

# Of these tables a company may well have no row: most file nothing that names a contract.
MAY_BE_EMPTY = frozenset({"equity_splits", "equity_dividends", "filing_candidates", "xbrl_facts"})
# Before it nobody priced or counted anything: vendors are not asked for the decades before.
FIRST_BLOCK_DATE = date(2009, 1, 3)
# Companies that file with the SEC; funds and proxies announce no capex.
FILING_ROLES = frozenset({"miner", "hyperscaler", "ai_infrastructure"})


_OF_BITCOIN: Mapping[str, type[BitcoinVendor]] = {
    "coinbase": CoinbaseExchange,
    "kraken": Kraken,
    "coinmetrics": CoinMetrics,
    "mempool": MempoolSpace,
    "blockchain_com": BlockchainCom,
}


@dataclass(frozen=True)
class VendorChain:
    """Vendors that stand in for one another, in the order of asking."""

    table: str
    vendors: tuple[str, ...]


def read_chains(folder: OnePart) -> list[VendorChain]:
    """Chains of ``study/vendors.csv``, in the order of tables and names. Raises SourceError."""
    frame = folder.extract(BY_NAME["study_vendors"]).frame.sort_values(
        ["table_name", "chain", "rank"]
    )
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for table, chain, vendor in zip(
        frame["table_name"], frame["chain"], frame["vendor"], strict=True
    ):
        found[table, chain].append(vendor)
    return [VendorChain(table, tuple(vendors)) for (table, _), vendors in sorted(found.items())]


class Asked:
    """What the data folder says of whom to ask for what: each file is read once, when wanted."""

    def __init__(self, folder: OnePart) -> None:
        self.folder = folder

    @cached_property
    def chains(self) -> list[VendorChain]:
        return read_chains(self.folder)

    @cached_property
    def aliases(self) -> tuple[SymbolAlias, ...]:
        return aliases_of(self.folder.extract(BY_NAME["symbol_aliases"]).frame)

    @cached_property
    def edgar(self) -> EdgarStudy:
        return read_study(self.folder)

    @cached_property
    def symbols(self) -> dict[str, list[str]]:
        """Symbols to ask for, by what kind of table it is."""
        companies = self.folder.extract(BY_NAME["companies"]).frame.sort_values("ticker")
        filers = companies[companies["role"].isin(sorted(FILING_ROLES))]
        return {"shares": list(companies["ticker"]), "filers": list(filers["ticker"])}


class Plans(Mapping[str, Sequence[Plan]]):
    """Plans by table, from ``study/vendors.csv`` and the panel.

    A table's plans and its vendors are made when they are first asked for: a run opens the
    sources anew for every table, and most tables are none of the vendors'. Asking raises
    SourceError where the study cannot be read.
    """

    def __init__(self, settings: Settings, asked: Asked, client: HttpClient, today: date) -> None:
        self._settings = settings
        self._asked = asked
        self._client = client
        self._today = today
        # One object per vendor and per table.
        self._vendor = lru_cache(maxsize=None)(self._made)
        self._plans = lru_cache(maxsize=None)(
            lambda table: [self._plan(chain) for chain in asked.chains if chain.table == table]
        )

    def __getitem__(self, table: str) -> Sequence[Plan]:
        if table not in LIVE_TABLES:
            raise KeyError(table)
        return self._plans(table)

    def __iter__(self) -> Iterator[str]:
        return iter(LIVE_TABLES)

    def __len__(self) -> int:
        return len(LIVE_TABLES)

    def _why_not(self, name: str) -> str:
        """Why this vendor cannot be asked here; empty when it can. A replay needs no key."""
        if self._client.replay:
            return ""
        if name == "tiingo" and not self._settings.tiingo_key:
            return "tiingo: MINER_TIINGO_KEY is not set"
        if name == "sec_edgar" and not self._settings.contact:
            return "sec_edgar: MINER_CONTACT is not set, which the SEC asks of every program"
        return ""

    def _made(self, name: str) -> Vendor:
        client, asked, today = self._client, self._asked, self._today
        if name == "yahoo":
            return YahooVendor(client, aliases=asked.aliases, asked_on=today)
        if name == "tiingo":
            key, replay = self._settings.tiingo_key, client.replay
            return TiingoVendor(client, key, aliases=asked.aliases, asked_on=today, replay=replay)
        if name == "sec_edgar":
            return Edgar(client, asked.edgar, today=lambda: today)
        return _OF_BITCOIN[name](client)

    def _plan(self, chain: VendorChain) -> Plan:
        first_day = date.min
        if chain.table.startswith("equity_"):
            symbols = self._asked.symbols["shares"]
        elif chain.table in {"filing_candidates", "xbrl_facts"}:
            symbols = self._asked.symbols["filers"]
        else:
            symbols, first_day = [BITCOIN], FIRST_BLOCK_DATE
        refused = {name: self._why_not(name) for name in chain.vendors}
        return Plan(
            vendors=[self._vendor(name) for name, why in refused.items() if not why],
            symbols=symbols,
            absent=tuple(why for why in refused.values() if why),
            empty_is_an_answer=chain.table in MAY_BE_EMPTY,
            first_day=first_day,
        )


@lru_cache(maxsize=4)
def _client(settings: Settings) -> HttpClient:
    """One client per process, so that limits and rests of hosts hold from table to table."""
    return open_client(settings)


def open_live(settings: Settings, folder: OnePart, *, today: date | None = None) -> LiveSource:
    """Vendors over the internet; what they are asked and what they answer is recorded.

    Raises SettingsError for an address that may not be used. A study that cannot be read is a
    SourceError of the first table that is asked for.
    """
    client = _client(settings)
    day = today or today_in_new_york()
    return LiveSource(
        folder,
        Plans(settings, Asked(folder), client, day),
        first=settings.live_since,
        today=day,
        journal=Journal(settings.archive_dir),
        breaker=client.breaker,
    )


class Replay:
    """Every extraction of the journal again, in its order, answered by the archive alone.

    Nobody is asked, no key is needed. What was not answered then is not answered now. Meant
    for an empty warehouse, which it fills as the live runs did, revisions included.
    """

    name = "replay"

    def __init__(self, settings: Settings, folder: OnePart) -> None:
        self._settings = settings
        self._folder = folder
        self._asked = Asked(folder)
        self._journal = Journal(settings.archive_dir)

    def _entries(self, table: str) -> list[Entry]:
        until = self._settings.replay_at
        by_then = until and until.astimezone(UTC).replace(tzinfo=None)
        return list(self._journal.entries(table, not_after=by_then))

    def require_archive(self) -> None:
        """Raises SourceError where nothing at all was recorded: a replay of nothing is none."""
        if any(self._entries(name) for name in LIVE_TABLES):
            return
        at = self._settings.replay_at
        raise SourceError(
            "There is nothing to replay: no archive of vendors' answers"
            + (f" from before {at.isoformat()}." if at else "."),
            where=str(self._settings.archive_dir),
            mend="'make live' records one; MINER_ARCHIVE_DIR names one that is elsewhere; unset "
            "MINER_SOURCE for the bundled figures",
        )

    def span(self) -> Window:
        """From the first date of live runs until today."""
        return Window(self._settings.live_since, today_in_new_york())

    def answers(
        self,
        table: Table,
        window: Window | None = None,
        stored_until: Mapping[str, date] | None = None,
    ) -> Iterator[Extract | Gap]:
        """The recorded parts of a table; ``window`` and ``stored_until`` are the journal's own.

        A table that was never asked for is the data folder's.
        """
        entries = self._entries(table.name)
        if not entries:
            if table.name in LIVE_TABLES:
                self.require_archive()
            yield from self._folder.answers(table, window)
            return
        archive = Archive(self._settings.archive_dir)
        for entry in entries:
            client = HttpClient(
                policies(dict(self._settings.source_urls)),
                archive=archive,
                replay=True,
                replay_from=entry.began_at.replace(tzinfo=UTC),
                replay_at=entry.ended_at.replace(tzinfo=UTC),
            )
            source = LiveSource(
                self._folder,
                Plans(self._settings, self._asked, client, entry.today),
                first=entry.first,
                today=entry.today,
                now=partial(_same, entry.ended_at),
            )
            yield source.part(table, entry.symbol, entry.window, entry.chain)


def _same(moment: datetime) -> datetime:
    return moment
