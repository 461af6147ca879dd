"""Every path and switch of the project, read once from the environment.

All paths are absolute. Nothing else in the project reads ``os.environ`` for a
setting, and a value that cannot work is refused here instead of surfacing later.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from dagster_project.errors import SettingsError
from dagster_project.secret import NO_SECRET, Secret

PROJECT_DIR = Path(__file__).resolve().parent.parent
# Pages are served on this machine alone.
HOST = "127.0.0.1"
BUNDLED_DATA_DIR = PROJECT_DIR / "data"
# Dagster's pool of one slot (dagster.yaml): only one step at a time may open the working file.
WRITER_POOL = "duckdb"
SOURCE_MODES = ("bundled", "live", "replay")
# Where the models are computed: in DuckDB's working file, or on Apache Spark.
TARGETS = ("duckdb", "spark")
_SPARK_MASTER = re.compile(r"spark://[A-Za-z0-9._-]+:\d{1,5}(,[A-Za-z0-9._-]+:\d{1,5})*")
# A User-Agent is plain printable text; brackets would end the comment it stands in.
CONTACT = re.compile(r"[!-'*-~][ -'*-~]{1,198}[!-'*-~]")
URL_PREFIX = "MINER_URL_"
DAGSTER_POSTGRES_VARIABLE = "MINER_DAGSTER_POSTGRES_URL"
# Words of a connection string that say how to reach the server and whom to trust; whatever else
# libpq takes (`options`, a password file) would change what the pipeline does there.
POSTGRES_WORDS = {
    "host",
    "port",
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "connect_timeout",
    "gssencmode",
    "channel_binding",
}
POSTGRES_SCHEMES = frozenset({"postgresql", "postgres"})
# How Dagster's own storage spells the driver it needs.
DAGSTER_SCHEME = "postgresql+psycopg2"
ROLE_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
# The bundled figures begin here: what live sources add goes on from the same day.
FIRST_LIVE_DATE = date(2024, 1, 1)
# Decades of daily prices can be had; before this day neither exchange calendars nor EDGAR help.
EARLIEST_LIVE_DATE = date(1990, 1, 1)


@dataclass(frozen=True)
class Settings:
    """Where things are and which switches are on.

    ``data_dir``    folder with ``snapshot/``, ``ledger/`` and ``study/`` CSV files
    ``output_dir``  folder that receives the working file, publications and Dagster's home
    ``source_mode`` which source implementation answers: ``bundled`` (the CSV files), ``live``
    (vendors over the internet, everything recorded) or ``replay`` (only what was recorded)
    ``allow_smaller``  accept a load or publication that covers less than the last one
    ``keep_publications``  how many whole publications stay on disk (two at the least: a
    reader may be opening the one that was just replaced)
    ``threads``  processors for the models that compute each share apart (0: all of this machine)
    ``schedule_on``  run every weekday after the New York close (off: bundled figures do not age)
    ``contact``  who asks, for the User-Agent of live requests (the SEC demands one)
    ``archive_dir``  folder of everything vendors answered
    ``replay_at``  replay the archive as it stood at this instant (None: as it is)
    ``source_urls``  pairs of a host's key and the base address to ask instead of its own
    ``tiingo_key``  key of Tiingo (empty: Tiingo is not asked)
    ``proxy``  HTTP proxy for live requests, as HTTPS_PROXY names it (empty: none)
    ``live_since``  first date asked for of a series that has nothing stored
    ``alert_webhook``  address that hears of failed sources and runs (empty: nobody does)
    ``postgres_url``  PostgreSQL database that receives every publication too (empty: none)
    ``postgres_reader``  role that may read it there, and nothing else
    ``dagster_postgres_url``  PostgreSQL database that holds Dagster's runs and events for a whole
    team (empty: SQLite files in ``dagster_home``)
    ``target``  what computes the models: ``duckdb``, or ``spark`` for those Spark can
    ``spark_master``  master of a Spark cluster (empty: a local one for the time of the run)
    ``spark_dir``  folder or URI of a file system that the driver and all workers see
    """

    data_dir: Path
    output_dir: Path
    source_mode: str = "bundled"
    allow_smaller: bool = False
    keep_publications: int = 3
    threads: int = 0
    schedule_on: bool = False
    contact: str = ""
    archive_dir: Path = PROJECT_DIR / "data" / "archive"
    replay_at: datetime | None = None
    source_urls: tuple[tuple[str, str], ...] = ()
    tiingo_key: Secret = NO_SECRET
    proxy: Secret = NO_SECRET
    live_since: date = FIRST_LIVE_DATE
    alert_webhook: Secret = NO_SECRET
    postgres_url: Secret = NO_SECRET
    postgres_reader: str = "miner_reader"
    dagster_postgres_url: Secret = NO_SECRET
    target: str = "duckdb"
    spark_master: str = ""
    spark_dir: str = ""

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Every key and password that is set: words no record, log or error may hold."""
        passwords = [
            Secret(spelling)
            for url in (self.proxy, self.postgres_url, self.dagster_postgres_url)
            for word in [urlsplit(url.reveal()).password or ""]
            for spelling in dict.fromkeys((word, unquote(word)))
        ]
        return tuple(secret for secret in (self.tiingo_key, *passwords) if secret)

    @property
    def asks_vendors(self) -> bool:
        """Whether series come from vendors, now or as recorded, and grow day by day."""
        return self.source_mode in {"live", "replay"}

    def with_source(self, mode: str) -> Settings:
        """The same settings with another source of figures; empty: these.

        Raises SettingsError for a word that is no source.
        """
        return replace(self, source_mode=_source_mode(mode, "source")) if mode else self

    @property
    def on_spark(self) -> bool:
        """Whether Spark computes the models that can run there."""
        return self.target == "spark"

    @property
    def spark_home(self) -> Path:
        """Folder of this machine for the local cluster's logs and what a run leaves to be read."""
        return self.output_dir / "spark"

    @property
    def warehouse_path(self) -> Path:
        return self.output_dir / "warehouse" / "miner_warehouse.duckdb"

    @property
    def published_dir(self) -> Path:
        return self.output_dir / "published"

    @property
    def published_path(self) -> Path:
        return self.published_dir / "miner_marts.duckdb"

    @property
    def dagster_home(self) -> Path:
        return self.output_dir / "dagster_home"

    @property
    def dbt_dir(self) -> Path:
        """Folder of dbt's parse, artifacts and logs, and of the models' column lineage."""
        return self.output_dir / "dbt"

    @property
    def dbt_project_dir(self) -> Path:
        return PROJECT_DIR / "dbt"

    @property
    def table_macros_dir(self) -> Path:
        return self.dbt_project_dir / "table_macros"

    @property
    def is_bundled_data(self) -> bool:
        return self.data_dir == BUNDLED_DATA_DIR

    def dbt_environment(self) -> dict[str, str]:
        """Environment that points dbt at the same working file."""
        return {
            "MINER_WAREHOUSE_PATH": str(self.warehouse_path),
            "MINER_THREADS": str(self.threads or ""),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "DO_NOT_TRACK": "1",
        }


def _switch(environment: Mapping[str, str], name: str) -> bool:
    value = environment.get(name, "").strip().lower()
    if value in {"", "0", "false", "no", "off"}:
        return False
    if value in {"1", "true", "yes", "on"}:
        return True
    raise SettingsError(
        f"{name}={value!r} is neither yes nor no.", mend=f"set {name}=1 or unset it"
    )


def _count(environment: Mapping[str, str], name: str, default: int, words: str) -> int:
    """A whole number of at least 1; ``words`` say what it is where it is unset."""
    value = environment.get(name, "").strip()
    if not value:
        return default
    if not (value.isascii() and value.isdigit()) or int(value) < 1:
        raise SettingsError(
            f"{name}={value!r} is not a whole number of at least 1.",
            mend=f"set it to 1 or more, or unset it for {words}",
        )
    return int(value)


def _folder(environment: Mapping[str, str], name: str, default: Path) -> Path:
    value = environment.get(name, "").strip()
    if not value:
        return default
    if not value.isprintable():
        raise SettingsError(
            f"{name} has letters that no folder's name should have.",
            where=f"{name}={value!r}",
            mend="write the path without line breaks and control characters",
        )
    return Path(value).expanduser().resolve()


def _source_mode(value: str, name: str = "MINER_SOURCE") -> str:
    if value not in SOURCE_MODES:
        raise SettingsError(
            f"{name}={value!r} is not a source.",
            mend=f"choose one of: {', '.join(SOURCE_MODES)}",
        )
    return value


def _since(environment: Mapping[str, str]) -> date:
    value = environment.get("MINER_LIVE_SINCE", "").strip()
    if not value:
        return FIRST_LIVE_DATE
    try:
        since = date.fromisoformat(value)
    except ValueError:
        since = date.max
    if not EARLIEST_LIVE_DATE <= since <= datetime.now(UTC).date():
        raise SettingsError(
            f"MINER_LIVE_SINCE={value!r} is not a date between {EARLIEST_LIVE_DATE} and today.",
            mend="write it like MINER_LIVE_SINCE=2024-01-01, or unset it",
        )
    return since


def _webhook(environment: Mapping[str, str]) -> Secret:
    value = environment.get("MINER_ALERT_WEBHOOK", "").strip()
    # The address is a key itself: who has it can write to the team. It is not repeated.
    if value and not re.fullmatch(r"(https://|http://(127\.0\.0\.1|localhost)[:/])[!-~]+", value):
        raise SettingsError(
            "MINER_ALERT_WEBHOOK is not an https address.",
            mend="copy the address again from the chat service, or unset it",
        )
    return Secret(value)


def _instant(environment: Mapping[str, str], name: str) -> datetime | None:
    value = environment.get(name, "").strip()
    if not value:
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise SettingsError(
            f"{name}={value!r} is not an instant.",
            mend=f"write it like {name}=2026-03-31T20:00:00Z, or unset it",
        ) from None
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def _contact(environment: Mapping[str, str]) -> str:
    value = environment.get("MINER_CONTACT", "").strip()
    if value and not (CONTACT.fullmatch(value) and ("@" in value or "://" in value)):
        raise SettingsError(
            f"MINER_CONTACT={value!r} is neither an e-mail nor a web address in plain letters.",
            mend="set MINER_CONTACT=you@example.org, or unset it",
        )
    return value


def _key(environment: Mapping[str, str], name: str) -> Secret:
    value = environment.get(name, "").strip()
    # The value is not repeated here: whatever else is wrong with it, it may be a key.
    if value and not re.fullmatch(r"[!-~]{8,512}", value):
        raise SettingsError(
            f"{name} is not a key: 8 to 512 printable characters without spaces.",
            mend=f"copy the key again from its vendor, or unset {name}",
        )
    return Secret(value)


def _proxy(environment: Mapping[str, str]) -> Secret:
    """The machine's own proxy setting, which every command there goes by."""
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        value = environment.get(name, "").strip()
        if not value:
            continue
        address = value if "://" in value else f"http://{value}"
        if not re.fullmatch(r"https?://[!-~]+", address):
            raise SettingsError(
                f"{name} is not the address of an HTTP proxy.",
                mend=f"set {name}=http://host:port, or unset it",
            )
        return Secret(address)
    return NO_SECRET


def _postgres_url(
    environment: Mapping[str, str],
    name: str = "MINER_POSTGRES_URL",
    schemes: frozenset[str] = POSTGRES_SCHEMES,
) -> Secret:
    value = environment.get(name, "").strip()
    if not value:
        return NO_SECRET
    fault = ""
    try:
        parts = urlsplit(value)
        words = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        hosts = [parts.hostname, *(word for name, word in words if name == "host")]
        _ = parts.port
    except ValueError:
        fault = "it is not an address"
    else:
        unknown = sorted({name for name, _ in words} - POSTGRES_WORDS)
        if not re.fullmatch(r"[!-~]+", value) or parts.scheme not in schemes:
            fault = "it does not begin with postgresql://, or has spaces or unprintable letters"
        elif not any(hosts):
            fault = "it names no host"
        elif not re.fullmatch(r"/[^/]+", parts.path) or parts.fragment:
            fault = "it names no database"
        elif unknown:
            # Only words that a person can have meant; the rest may be half of a password.
            named = [name for name in unknown if re.fullmatch(r"[a-z_]{1,30}", name)]
            fault = f"its part after '?' has words that are not allowed: {', '.join(named)}"
    if fault:
        # The value is not repeated: it may hold a password.
        raise SettingsError(
            f"{name} cannot be used: {fault}.",
            mend="write it like postgresql://user:password@host:5432/database?sslmode=verify-full "
            "(letters like @ : / % in a password as %40 %3A %2F %25), or unset it",
        )
    return Secret(value)


def _postgres_reader(environment: Mapping[str, str]) -> str:
    value = environment.get("MINER_POSTGRES_READER", "").strip() or "miner_reader"
    if not ROLE_NAME.fullmatch(value) or value.startswith("pg_") or value in {"public", "none"}:
        raise SettingsError(
            f"MINER_POSTGRES_READER={value!r} is not a plain role name.",
            mend="use small letters, digits and _ (63 at most, a letter first, not pg_...), or "
            "unset it for miner_reader",
        )
    return value


def _target(environment: Mapping[str, str]) -> str:
    value = environment.get("MINER_TARGET", "").strip().lower() or "duckdb"
    if value not in TARGETS:
        raise SettingsError(
            f"MINER_TARGET={value!r} is no target.",
            mend=f"set it to one of: {', '.join(TARGETS)}; or unset it for duckdb",
        )
    return value


def _spark_master(environment: Mapping[str, str]) -> str:
    value = environment.get("SPARK_MASTER", "").strip()
    if value and not _SPARK_MASTER.fullmatch(value):
        raise SettingsError(
            "SPARK_MASTER is not the address of a standalone cluster's master.",
            where=f"SPARK_MASTER={value!r}",
            mend="write it like spark://host:7077, or unset it for a cluster of this machine",
        )
    return value


def _spark_dir(environment: Mapping[str, str], default: Path) -> str:
    """A folder as an absolute path, or a URI as it stands, both without a slash at the end."""
    value = environment.get("MINER_SPARK_DIR", "").strip()
    if "://" not in value:
        return str(_folder(environment, "MINER_SPARK_DIR", default))
    if "@" in value or not re.fullmatch(r"[a-z][a-z0-9+.-]*://[!-~]*", value):
        # The value is not repeated: what stands before an @ may be a key.
        raise SettingsError(
            "MINER_SPARK_DIR is not the URI of a folder without user, key or spaces.",
            mend="write it like s3a://bucket/folder or hdfs://host:8020/folder; keys belong into "
            "Spark's own configuration (docs/spark.md)",
        )
    return value.rstrip("/")


def _source_urls(environment: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(
        sorted(
            (name.removeprefix(URL_PREFIX).lower(), value.strip())
            for name, value in environment.items()
            if name.startswith(URL_PREFIX) and value.strip()
        )
    )


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Settings from environment variables.

    ``MINER_DATA_DIR`` (default: the project's ``data/``), ``MINER_OUTPUT_DIR``
    (default: the data folder itself, so that one folder is one complete study),
    ``MINER_SOURCE``, ``MINER_ALLOW_SMALLER``, ``MINER_KEEP_PUBLICATIONS``, ``MINER_THREADS``,
    ``MINER_SCHEDULE``;
    for live sources and replay ``MINER_CONTACT``, ``MINER_ARCHIVE_DIR`` (default: ``archive/``
    in the output folder), ``MINER_REPLAY_AT``, ``MINER_URL_<HOST>``, ``MINER_TIINGO_KEY`` and the
    machine's ``HTTPS_PROXY``, ``MINER_LIVE_SINCE`` and ``MINER_ALERT_WEBHOOK``; for PostgreSQL
    ``MINER_POSTGRES_URL`` and ``MINER_POSTGRES_READER``; for a team
    ``MINER_DAGSTER_POSTGRES_URL``; for Spark ``MINER_TARGET``, ``SPARK_MASTER`` and
    ``MINER_SPARK_DIR`` (default: ``spark/`` in the output folder).

    Raises SettingsError when a folder does not exist or a value is not understood.
    """
    data_dir = _folder(environment, "MINER_DATA_DIR", BUNDLED_DATA_DIR)
    if not data_dir.is_dir():
        raise SettingsError(
            "The data folder does not exist or is not a folder.",
            where=f"MINER_DATA_DIR={data_dir}",
            mend="point MINER_DATA_DIR at a folder with snapshot/, ledger/ and study/ "
            "(data/README.md describes the files), or unset it for the bundled figures",
        )
    source_mode = _source_mode(environment.get("MINER_SOURCE", "").strip() or "bundled")
    output_dir = _folder(environment, "MINER_OUTPUT_DIR", data_dir)
    return Settings(
        data_dir=data_dir,
        output_dir=output_dir,
        source_mode=source_mode,
        allow_smaller=_switch(environment, "MINER_ALLOW_SMALLER"),
        keep_publications=_count(environment, "MINER_KEEP_PUBLICATIONS", 3, "3"),
        threads=_count(environment, "MINER_THREADS", 0, "all of this machine"),
        schedule_on=_switch(environment, "MINER_SCHEDULE"),
        contact=_contact(environment),
        archive_dir=_folder(environment, "MINER_ARCHIVE_DIR", output_dir / "archive"),
        replay_at=_instant(environment, "MINER_REPLAY_AT"),
        source_urls=_source_urls(environment),
        tiingo_key=_key(environment, "MINER_TIINGO_KEY"),
        proxy=_proxy(environment),
        live_since=_since(environment),
        alert_webhook=_webhook(environment),
        postgres_url=_postgres_url(environment),
        postgres_reader=_postgres_reader(environment),
        dagster_postgres_url=_postgres_url(
            environment, DAGSTER_POSTGRES_VARIABLE, POSTGRES_SCHEMES | {DAGSTER_SCHEME}
        ),
        target=_target(environment),
        spark_master=_spark_master(environment),
        spark_dir=_spark_dir(environment, output_dir / "spark"),
    )


@cache
def current_settings() -> Settings:
    """The settings of this process: read from its environment once."""
    return read_settings(os.environ)


def require_free_port(port: int, command: str) -> None:
    """Raises SettingsError where another program serves at ``port``; ``command`` takes another."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise SettingsError(
                f"Port {port} is taken by another program.",
                where=f"{HOST}:{port}",
                mend=f"stop it, or choose another port: {command} PORT={port + 1}",
            ) from error


def prepare_output_folders(settings: Settings) -> None:
    """Make the folders the pipeline writes to, or say why that is impossible."""
    for folder in (
        settings.warehouse_path.parent,
        settings.published_dir,
        settings.dagster_home,
        settings.dbt_dir,
    ):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # One name for all: what a killed run leaves is what the next one takes away.
            probe = folder / ".write-probe"
            probe.touch()
            probe.unlink(missing_ok=True)
        except OSError as error:
            raise SettingsError(
                f"The output folder cannot be written: {error.strerror or error}.",
                where=str(folder),
                mend="give this user write permission there, free disk space, or set "
                "MINER_OUTPUT_DIR to a folder that can be written",
            ) from error
