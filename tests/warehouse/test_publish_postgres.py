"""PostgreSQL shows whole publications, to a role that can do nothing but read them."""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import duckdb
import psycopg
import pytest
from psycopg import errors, sql

from dagster_project.errors import PublicationRefused, WarehouseLocked
from dagster_project.postgres import roll_back
from dagster_project.secret import Secret
from dagster_project.settings import BUNDLED_DATA_DIR, PROJECT_DIR, Settings
from dagster_project.warehouse import publish_postgres
from dagster_project.warehouse.publish_targets import compare_targets
from tests.postgres_server import PostgresServer

pytestmark = [pytest.mark.slow, pytest.mark.postgres]


PERSONS_PASSWORD = secrets.token_hex(8)


class Showing:
    """A publication and a database of its own, with a reader's role of its own."""

    def __init__(self, publishing, server: PostgresServer) -> None:
        self.publishing = publishing
        self.server = server
        self.database = server.new_database()
        self.reader = f"reader_{secrets.token_hex(4)}"
        self.person = f"person_{secrets.token_hex(4)}"
        self.url = Secret(server.url(self.database))

    @property
    def settings(self) -> Settings:
        return Settings(
            data_dir=BUNDLED_DATA_DIR,
            output_dir=self.publishing.published.parent,
            postgres_url=self.url,
            postgres_reader=self.reader,
        )

    def show(self) -> publish_postgres.PostgresReport:
        return publish_postgres.publish_postgres(
            self.publishing.published, self.url, reader=self.reader
        )

    def next(self, version: int) -> publish_postgres.PostgresReport:
        self.publishing.next_version(version)
        self.publishing.run()
        return self.show()

    def admin(self) -> psycopg.Connection:
        # Without the search path that the database has for readers.
        return psycopg.connect(self.url.reveal(), autocommit=True, options="-c search_path=public")

    def ask(self, query: str, *parameters: object) -> list[tuple]:
        with self.admin() as connection:
            return connection.execute(query, parameters).fetchall()

    def tell(self, statement: str) -> None:
        with self.admin() as connection:
            connection.execute(statement)

    def as_reader(self, *, autocommit: bool = True) -> psycopg.Connection:
        """A connection as a BI tool makes it, with a log-in of its own in the group."""
        return psycopg.connect(self.reader_url(), autocommit=autocommit)

    def reader_url(self, person: str = "") -> str:
        """The address of a member of the group, whom the administrator makes the first time."""
        person = person or self.person
        if not self.ask("SELECT 1 FROM pg_roles WHERE rolname = %s", person):
            self.tell(
                f"CREATE ROLE {person} LOGIN PASSWORD '{PERSONS_PASSWORD}' IN ROLE {self.reader}"
            )
        return self.server.url(self.database, person, PERSONS_PASSWORD)

    def schemas(self) -> set[str]:
        return {
            name
            for (name,) in self.ask(
                "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' "
                "AND nspname NOT IN ('public', 'information_schema')"
            )
        }

    def versions(self) -> set[int]:
        """Versions a reader sees over every table; one when nothing is torn."""
        with self.as_reader() as connection:
            return {
                version
                for (version,) in connection.execute(
                    "SELECT version FROM fct_daily UNION SELECT version FROM dim_firm"
                )
            }


@pytest.fixture
def showing(publishing, postgres_server) -> Showing:
    return Showing(publishing, postgres_server)


# --- what is there -----------------------------------------------------------------------------


def test_rows_types_comments_keys_and_indexes_are_carried_over(showing):
    published = showing.publishing.run()
    report = showing.show()
    assert (report.publication_id, report.tables, report.rows) == (
        published.publication_id,
        2,
        303,
    )
    assert report.reloaded
    assert not report.unchanged

    assert showing.ask("SELECT count(*), count(daily_return) FROM marts.fct_daily") == [(300, 297)]
    assert showing.ask(
        "SELECT listed_at, share, name FROM marts.dim_firm WHERE ticker IN ('CORZ', 'MARA') "
        "ORDER BY ticker"
    ) == (
        duckdb.sql(
            "SELECT TIMESTAMPTZ '2024-01-24 14:30:00+00', 0.25::DECIMAL(9, 4), 'Core Scientific' "
            "UNION ALL SELECT NULL, NULL, 'MARA, \"Holdings\"'"
        ).fetchall()
    )
    assert showing.ask(
        "SELECT column_name, data_type, is_nullable, col_description('marts.fct_daily'::regclass, "
        "ordinal_position) FROM information_schema.columns WHERE table_schema = 'marts' "
        "AND table_name = 'fct_daily' ORDER BY ordinal_position"
    ) == [
        ("ticker", "text", "NO", None),
        ("session_date", "date", "NO", None),
        ("daily_return", "double precision", "YES", "Close over previous close, minus 1."),
        ("version", "integer", "NO", None),
    ]
    assert showing.ask("SELECT obj_description('marts.fct_daily'::regclass)") == [
        ("One row per ticker and session; the firm's return.",)
    ]
    assert showing.ask(
        "SELECT conrelid::regclass::text, contype, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE connamespace = 'marts'::regnamespace AND conrelid::regclass::text LIKE '%%_f%%' "
        "ORDER BY 1, 2"
    ) == [
        ("marts.dim_firm", "p", "PRIMARY KEY (ticker)"),
        ("marts.fct_daily", "f", "FOREIGN KEY (ticker) REFERENCES marts.dim_firm(ticker)"),
        ("marts.fct_daily", "p", "PRIMARY KEY (ticker, session_date)"),
    ]
    assert showing.ask(
        "SELECT indexdef FROM pg_indexes WHERE schemaname = 'marts' AND tablename = 'fct_daily' "
        "ORDER BY indexname"
    ) == [
        (
            "CREATE UNIQUE INDEX fct_daily_pkey ON marts.fct_daily "
            "USING btree (ticker, session_date)",
        ),
        ("CREATE INDEX fct_daily_session_date_idx ON marts.fct_daily USING btree (session_date)",),
    ]
    assert showing.ask("SELECT publication_id, replaced FROM marts.publication") == [
        (published.publication_id, None)
    ]
    assert showing.ask(
        "SELECT table_name, primary_key, row_count FROM marts.publication_tables ORDER BY 1"
    ) == [("dim_firm", "ticker", 3), ("fct_daily", "ticker, session_date", 300)]
    assert showing.schemas() == {"marts"}


def test_the_same_publication_again_changes_nothing(showing):
    showing.publishing.run()
    showing.show()
    before = showing.ask("SELECT 'marts.fct_daily'::regclass::oid")
    report = showing.show()
    assert report.unchanged
    assert "unchanged since" in report.summary()
    assert showing.ask("SELECT 'marts.fct_daily'::regclass::oid") == before


def test_as_many_publications_stay_as_on_disk(showing):
    showing.publishing.run()
    ids = [showing.show().publication_id]
    for version in (2, 3, 4):
        ids.append(showing.next(version).publication_id)
    kept = {publish_postgres.kept_schema(name) for name in ids[1:3]}
    assert showing.schemas() == {"marts", *kept}
    assert {path.name for path in (showing.publishing.published / "releases").iterdir()} == set(
        ids[1:]
    )


def test_tampering_is_found_by_the_check_and_mended_by_the_next_publication(showing):
    showing.publishing.run()
    showing.show()
    good = compare_targets(showing.publishing.published, showing.url)
    assert good.differences == []
    assert [target.name for target in good.targets] == [
        "manifest",
        "duckdb",
        "parquet",
        "postgres",
    ]
    first = good.figures()[0]
    assert first["table"] == "dim_firm"
    assert len({first[f"{name}_checksum"] for name in ("manifest", "duckdb", "postgres")}) == 1

    showing.tell(
        "UPDATE marts.fct_daily SET daily_return = daily_return + 1e-15 WHERE ticker = 'RIOT' "
        "AND session_date = '2025-01-03'; DELETE FROM marts.dim_firm WHERE ticker = 'NOBODY'"
    )
    assert compare_targets(showing.publishing.published, showing.url).differences == [
        "postgres, table fct_daily: other content in equal rows"
    ]
    report = showing.show()
    assert report.reloaded
    assert compare_targets(showing.publishing.published, showing.url).differences == []
    assert showing.schemas() == {"marts"}


def test_a_missing_table_and_another_publication_are_found(showing):
    showing.publishing.run()
    showing.show()
    showing.publishing.next_version(2)
    second = showing.publishing.run()
    showing.tell("DROP TABLE marts.fct_daily")
    found = compare_targets(showing.publishing.published, showing.url).differences
    assert found[0].startswith("postgres: publication ")
    assert found[0].endswith(f"not {second.publication_id}")
    assert found[1:] == [
        "postgres, table dim_firm: other content in equal rows",
        "postgres, table fct_daily: missing in postgres",
    ]


# --- back and forth ----------------------------------------------------------------------------


def test_one_command_takes_every_target_back_and_forward(showing):
    first = showing.publishing.run()
    showing.show()
    second = showing.next(2)

    lines = roll_back(showing.settings)
    assert lines == [
        f"Readers of the files now see publication {first.publication_id}.",
        f"Readers of PostgreSQL now see publication {first.publication_id} (it was kept).",
        f"On disk besides: {second.publication_id} (make rollback TO=...).",
    ]
    assert showing.versions() == showing.publishing.versions() == {1}
    assert compare_targets(showing.publishing.published, showing.url).differences == []

    showing.tell(f"DROP SCHEMA {publish_postgres.kept_schema(second.publication_id)} CASCADE")
    lines = roll_back(showing.settings, second.publication_id)
    assert "(loaded anew)" in lines[1]
    assert showing.versions() == showing.publishing.versions() == {2}


@pytest.mark.parametrize("to", ["../../etc", "20250327T130000Z-0a1b2c3d/..", "current", "'; --"])
def test_a_way_back_is_the_name_of_a_publication(showing, to):
    showing.publishing.run()
    with pytest.raises(PublicationRefused, match="is not the name of a publication"):
        roll_back(showing.settings, to)


def test_a_server_that_is_away_stops_the_way_back_before_anything_changed(showing):
    showing.publishing.run()
    showing.show()
    second = showing.next(2)
    away = Secret("postgresql://admin:geheim%40wort@127.0.0.1:1/x")
    settings = Settings(
        data_dir=BUNDLED_DATA_DIR,
        output_dir=showing.publishing.published.parent,
        postgres_url=away,
    )
    with pytest.raises(PublicationRefused, match="PostgreSQL refused"):
        roll_back(settings)
    assert showing.publishing.query("SELECT publication_id FROM marts.publication") == [
        (second.publication_id,)
    ]


# --- the reader's role -------------------------------------------------------------------------


FORBIDDEN_TO_READERS = [
    # data
    "INSERT INTO marts.dim_firm (ticker) VALUES ('X')",
    "INSERT INTO marts.publication SELECT * FROM marts.publication",
    "UPDATE marts.dim_firm SET name = 'X'",
    "DELETE FROM marts.fct_daily",
    "TRUNCATE marts.fct_daily",
    "COPY marts.dim_firm FROM STDIN",
    "SELECT * FROM marts.dim_firm FOR UPDATE",
    "SELECT * FROM marts.dim_firm FOR SHARE",
    "WITH gone AS (DELETE FROM marts.dim_firm RETURNING *) SELECT * FROM gone",
    "EXPLAIN ANALYZE DELETE FROM marts.dim_firm",
    # structure
    "DROP TABLE marts.fct_daily",
    "DROP SCHEMA marts CASCADE",
    "ALTER TABLE marts.fct_daily ADD COLUMN x integer",
    "ALTER TABLE marts.fct_daily OWNER TO CURRENT_USER",
    "ALTER TABLE marts.fct_daily DISABLE TRIGGER ALL",
    "ALTER SCHEMA marts RENAME TO mine",
    "COMMENT ON TABLE marts.dim_firm IS 'mine'",
    "CREATE INDEX ON marts.fct_daily (daily_return)",
    "CREATE TRIGGER t BEFORE INSERT ON marts.dim_firm EXECUTE FUNCTION tsvector_update_trigger()",
    "CREATE RULE r AS ON SELECT TO marts.dim_firm DO INSTEAD SELECT 1",
    "CREATE POLICY p ON marts.dim_firm",
    "REINDEX TABLE marts.fct_daily",
    "CLUSTER marts.fct_daily USING fct_daily_pkey",
    # things of its own
    "CREATE TABLE marts.mine (x integer)",
    "CREATE TABLE public.mine (x integer)",
    "CREATE TEMP TABLE mine (x integer)",
    "CREATE TABLE public.copy AS SELECT * FROM marts.dim_firm",
    "SELECT * INTO TEMP mine FROM marts.dim_firm",
    "CREATE VIEW public.v AS SELECT 1",
    "CREATE MATERIALIZED VIEW public.v AS SELECT 1",
    "CREATE SEQUENCE public.s",
    "CREATE TYPE public.t AS (x integer)",
    "CREATE DOMAIN public.d AS integer",
    "CREATE SCHEMA mine",
    "CREATE FUNCTION public.f() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "CREATE EXTENSION hstore",
    "CREATE EXTENSION file_fdw",
    "CREATE FOREIGN DATA WRAPPER w",
    "CREATE PUBLICATION p",
    "CREATE EVENT TRIGGER t ON ddl_command_end EXECUTE FUNCTION marts.f()",
    "CREATE DATABASE mine",
    "CREATE TABLESPACE t LOCATION '/tmp'",
    # large objects
    "SELECT lo_create(0)",
    "SELECT lo_creat(-1)",
    "SELECT lo_from_bytea(0, 'x')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT lo_put(1, 0, 'x')",
    "SELECT lo_unlink(1)",
    # roles and settings of others
    "CREATE ROLE other",
    "ALTER ROLE {reader} PASSWORD 'x'",
    "ALTER ROLE {reader} SET statement_timeout = 0",
    "ALTER ROLE {reader} LOGIN",
    "ALTER ROLE {other} PASSWORD 'x'",
    "ALTER ROLE {other} SET search_path = public",
    "ALTER ROLE ALL SET statement_timeout = 0",
    "DROP ROLE {other}",
    "GRANT {reader} TO pg_monitor",
    "ALTER DEFAULT PRIVILEGES FOR ROLE admin GRANT INSERT ON TABLES TO PUBLIC",
    "ALTER DATABASE {database} SET search_path = public",
    "ALTER SYSTEM SET statement_timeout = 0",
    "SET ROLE admin",
    "SET SESSION AUTHORIZATION admin",
    # what others have, and the machine
    "SELECT * FROM public.secret",
    "SELECT * FROM kept.dim_firm",
    "SELECT * FROM pg_authid",
    "SELECT * FROM pg_largeobject",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT pg_ls_dir('.')",
    "COPY marts.dim_firm TO '/etc/x'",
    "COPY marts.dim_firm TO PROGRAM 'true'",
    "SELECT pg_reload_conf()",
    "SELECT pg_terminate_backend({publisher})",
    "SELECT pg_cancel_backend({publisher})",
    "CHECKPOINT",
    # locks that would keep a publication away
    "BEGIN; LOCK TABLE marts.dim_firm IN ACCESS EXCLUSIVE MODE",
    "BEGIN; LOCK TABLE marts.dim_firm IN SHARE MODE",
    "SELECT pg_advisory_lock(hashtext('miner-warehouse publication'))",
    "SELECT pg_try_advisory_lock(1, 2)",
    "SELECT pg_advisory_xact_lock_shared(1)",
]


def test_the_reader_reads_and_nothing_else(showing):
    showing.publishing.run()
    showing.show()
    showing.next(2)
    kept = next(name for name in showing.schemas() if name != "marts")
    showing.tell("CREATE TABLE public.secret (x integer)")
    other = f"person_{secrets.token_hex(4)}"
    showing.reader_url(other)
    allowed = []
    with showing.admin() as publisher:
        for statement in FORBIDDEN_TO_READERS:
            for name, value in {
                "{reader}": showing.reader,
                "{other}": other,
                "{database}": showing.database,
                "{publisher}": str(publisher.info.backend_pid),
                "kept.": f"{kept}.",
            }.items():
                statement = statement.replace(name, value)
            with showing.as_reader() as connection:
                assert connection.execute("SELECT count(*) FROM dim_firm").fetchone() == (3,)
                try:
                    connection.execute(statement)
                except errors.InsufficientPrivilege:
                    continue
                except psycopg.Error as error:
                    # Refused for another reason: the privilege was not what stopped it.
                    allowed.append(f"{statement}: {error}")
                else:
                    allowed.append(statement)
    assert allowed == []
    assert len(FORBIDDEN_TO_READERS) >= 60


def test_a_log_in_of_ones_own_changes_nothing_for_others(showing):
    """A role may change its own password and settings; PostgreSQL cannot forbid it."""
    showing.publishing.run()
    showing.show()
    other = f"person_{secrets.token_hex(4)}"
    url = showing.reader_url(other)
    with showing.as_reader() as connection:
        connection.execute("ALTER ROLE CURRENT_USER PASSWORD 'changed'")
        connection.execute("ALTER ROLE CURRENT_USER SET search_path = public")
        connection.execute(f"SET ROLE {showing.reader}")
        connection.execute(f"ALTER ROLE {showing.reader} SET statement_timeout = 0")
        connection.execute(f"ALTER ROLE {showing.reader} PASSWORD 'changed'")
        connection.execute(f"DROP OWNED BY {showing.reader}")
    with psycopg.connect(url) as connection:
        assert connection.execute("SHOW statement_timeout").fetchone() == ("5min",)
        assert connection.execute("SHOW search_path").fetchone() == ("marts",)
        assert connection.execute("SELECT count(*) FROM dim_firm").fetchone() == (3,)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(showing.server.url(showing.database, showing.reader, "changed"))


def test_databases_of_others_are_reported_and_closed_by_the_documented_statement(showing):
    showing.publishing.run()
    assert {"postgres", "template1"} <= set(showing.show().open_to_readers)
    elsewhere = showing.reader_url().rpartition("/")[0] + "/postgres"
    psycopg.connect(elsewhere).close()
    with showing.admin() as connection:
        connection.execute("REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC")
        try:
            with pytest.raises(psycopg.OperationalError, match="permission denied"):
                psycopg.connect(elsewhere)
            assert not {"postgres", "template1"} & set(showing.show().open_to_readers)
        finally:
            connection.execute("GRANT CONNECT ON DATABASE postgres, template1 TO PUBLIC")


def test_a_reader_without_timeouts_does_not_keep_publications_away(showing, monkeypatch):
    showing.publishing.run()
    showing.show()
    monkeypatch.setattr(publish_postgres, "LONGEST_READ_SECONDS", 1.0)
    showing.publishing.next_version(2)
    showing.publishing.run()
    with showing.as_reader(autocommit=False) as connection:
        connection.execute("SET statement_timeout = 0")
        connection.execute("SET idle_in_transaction_session_timeout = 0")
        connection.commit()
        connection.execute("SELECT 1 FROM fct_daily")
        time.sleep(1.2)
        assert not showing.show().unchanged
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    assert showing.versions() == {2}


def test_the_reader_has_utc_and_timeouts_that_let_publications_pass(showing):
    showing.publishing.run()
    showing.show()
    with showing.as_reader() as connection:
        seen = {
            name: connection.execute(f"SHOW {name}").fetchone()[0]
            for name in (
                "search_path",
                "timezone",
                "idle_in_transaction_session_timeout",
                "statement_timeout",
            )
        }
    assert seen == {
        "search_path": "marts",
        "timezone": "UTC",
        "idle_in_transaction_session_timeout": "1min",
        "statement_timeout": "5min",
    }


TOO_MUCH = [
    ("ALTER ROLE {r} LOGIN", "it may log in"),
    ("GRANT EXECUTE ON FUNCTION lo_create(oid) TO {r}", "it may write large objects"),
    ("GRANT EXECUTE ON FUNCTION pg_advisory_lock(bigint) TO {r}", "it may lock"),
    ("ALTER ROLE {r} SUPERUSER", "it has SUPERUSER"),
    ("ALTER ROLE {r} CREATEDB", "it has CREATEDB"),
    ("GRANT pg_read_all_data TO {r}", "it is a member of pg_read_all_data"),
    ("GRANT SELECT ON public.other TO {r}", "it may read public.other"),
    ("GRANT SELECT (x) ON public.other TO PUBLIC", "it may read public.other"),
    ("GRANT INSERT ON public.other TO {r}", "it may write public.other"),
    ("GRANT CREATE ON SCHEMA public TO {r}", "it may create in schema public"),
    ("GRANT CREATE ON DATABASE {d} TO {r}", "it may create schemas"),
    ("GRANT TEMP ON DATABASE {d} TO {r}", "it may make temporary tables"),
    ("GRANT UPDATE ON marts.dim_firm TO {r}", "it may write marts.dim_firm"),
]


def test_a_role_that_can_do_more_is_refused_until_what_is_said_is_done(showing):
    showing.publishing.run()
    showing.show()
    showing.tell("CREATE TABLE public.other (x integer)")
    for grant, fault in TOO_MUCH:
        showing.tell(grant.format(r=showing.reader, d=showing.database))
        with pytest.raises(PublicationRefused, match="can do more than read") as refused:
            showing.show()
        assert fault in refused.value.what
        for statement in refused.value.mend.splitlines()[1:]:
            showing.tell(statement)
        assert showing.show().publication_id, grant


def test_the_publishing_user_is_no_reader(showing):
    showing.publishing.run()
    showing.reader = "admin"
    with pytest.raises(PublicationRefused, match="it is the user that publishes"):
        showing.show()


def test_a_publisher_needs_no_superuser_after_what_the_documentation_says(showing):
    """What docs/publication.md tells an administrator to give, and no more."""
    password = secrets.token_hex(8)
    owner = f"publisher_{secrets.token_hex(4)}"
    text = (PROJECT_DIR / "docs" / "publication.md").read_text(encoding="utf-8")
    block = text.split("as an administrator:\n\n```sql\n")[1].split("```")[0]
    names = {"miner": owner, "'...'": f"'{password}'", "marts": showing.database}
    for statement in block.split(";"):
        said = " ".join(
            line for line in statement.splitlines() if not line.startswith("--")
        ).strip()
        said = said.replace("CREATE DATABASE marts OWNER", "ALTER DATABASE marts OWNER TO")
        if said and "ON DATABASE postgres" not in said:
            showing.tell(re.sub("|".join(map(re.escape, names)), lambda m: names[m[0]], said))
    showing.url = Secret(showing.server.url(showing.database, owner, password))
    showing.publishing.run()
    assert showing.show().reloaded
    assert not showing.next(2).unchanged
    assert showing.ask("SELECT count(*) FROM marts.fct_daily") == [(300,)]


def test_without_the_right_to_make_roles_the_statement_for_an_administrator_is_said(showing):
    password = secrets.token_hex(8)
    owner = f"publisher_{secrets.token_hex(4)}"
    showing.tell(f"CREATE ROLE {owner} LOGIN PASSWORD '{password}'")
    showing.tell(f"ALTER DATABASE {showing.database} OWNER TO {owner}")
    showing.url = Secret(showing.server.url(showing.database, owner, password))
    showing.publishing.run()
    with pytest.raises(PublicationRefused, match="may not create roles") as refused:
        showing.show()
    assert f'CREATE ROLE "{showing.reader}" NOLOGIN' in refused.value.mend
    assert showing.schemas() == set()


# --- what belongs to others --------------------------------------------------------------------


@pytest.mark.parametrize("schema", ["marts", "marts_building"])
def test_a_schema_of_somebody_else_is_never_touched(showing, schema):
    showing.tell(f"CREATE SCHEMA {schema}; CREATE TABLE {schema}.precious (x integer)")
    showing.publishing.run()
    with pytest.raises(PublicationRefused, match=f"schema {schema} that was not made here"):
        showing.show()
    assert showing.ask(f"SELECT count(*) FROM {schema}.precious") == [(0,)]


def test_what_others_hang_on_a_publication_is_not_dropped_with_it(showing):
    showing.publishing.run()
    first = showing.show().publication_id
    showing.tell("CREATE VIEW public.theirs AS SELECT count(*) FROM marts.dim_firm")
    for version in (2, 3, 4):
        report = showing.next(version)
    schema = publish_postgres.kept_schema(first)
    assert report.kept_for_others == (schema,)
    assert report.figures()["schemas_others_depend_on"] == schema
    assert showing.ask("SELECT * FROM public.theirs") == [(3,)]


@pytest.fixture
def hostile(showing) -> Iterator[Callable[[str, str], None]]:
    def add(table: str, column: str) -> None:
        name, field = (f'"{word.replace(chr(34), chr(34) * 2)}"' for word in (table, column))
        text = table.replace("'", "''")
        showing.publishing.change(
            f"CREATE TABLE marts.{name} ({field} VARCHAR PRIMARY KEY);"
            f"INSERT INTO marts.{name} VALUES ('$$; DROP SCHEMA marts CASCADE; --'), "
            f"('\\N'), (''), ('Robert''); DROP TABLE students; --');"
            f"COMMENT ON TABLE marts.{name} IS 'It''s; DROP TABLE x; --';"
            f"INSERT INTO quality.node_results VALUES ('model.p.h', '{text}', 'model', "
            f"'success', NULL, NULL, NULL, '2025-03-27 10:00')"
        )

    return add


@pytest.mark.parametrize(
    "name",
    [
        'x"; DROP SCHEMA marts CASCADE; --',
        "x'; DROP SCHEMA marts CASCADE; --",
        "../../../etc/passwd",
        "..\\..\\x",
        "%s %(x)s {} {0}",
        "select",
        "Größe 🪙",
        "a/b",
        "$$",
    ],
)
def test_hostile_names_and_values_are_only_names_and_values(showing, hostile, name):
    hostile(name, name)
    showing.publishing.run()
    showing.show()
    assert compare_targets(showing.publishing.published, showing.url).differences == []
    with showing.as_reader() as connection:
        rows = connection.execute(
            sql.SQL("SELECT {} FROM marts.{}").format(sql.Identifier(name), sql.Identifier(name))
        ).fetchall()
    assert {value for (value,) in rows} == {
        "$$; DROP SCHEMA marts CASCADE; --",
        "\\N",
        "",
        "Robert'); DROP TABLE students; --",
    }
    assert showing.versions() == {1}
    parquet = showing.publishing.published / "parquet"
    assert {path.parent for path in parquet.iterdir()} == {parquet}


@pytest.mark.parametrize("name", ["x" * 64, "ü" * 32])
def test_a_name_that_postgres_would_cut_is_refused(showing, hostile, name):
    hostile(name, "x")
    showing.publishing.run()
    with pytest.raises(PublicationRefused, match="at most 63 bytes") as refused:
        showing.show()
    assert name in refused.value.where
    assert showing.schemas() == set()


def test_a_value_that_postgres_cannot_hold_is_said(showing):
    showing.publishing.change("UPDATE marts.dim_firm SET name = 'a' || chr(0) || 'b'")
    showing.publishing.run()
    with pytest.raises(PublicationRefused, match="PostgreSQL refused: invalid byte sequence"):
        showing.show()
    assert showing.schemas() == set()


# --- secrets -----------------------------------------------------------------------------------


def _everything_said(error: BaseException) -> str:
    words = []
    link: BaseException | None = error
    while link is not None:
        words += [str(link), repr(link), repr(getattr(link, "__dict__", ""))]
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return " ".join(words)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://admin:Geheim%40wort@127.0.0.1:{port}/x", ("Geheim",)),
        ("postgresql://admin:Geheim%40wort@127.0.0.1:1/x", ("Geheim",)),
        ("postgresql://admin:Geheim%40wort@nowhere.invalid/x", ("Geheim",)),
        ("postgresql://admin:Geheim%40wort@127.0.0.1:{port}/x?sslmode=Geheim", ("Geheim@", "%40")),
        ("postgresql://admin:{password}@127.0.0.1:{port}/absent", ("{password}",)),
    ],
)
def test_no_error_names_the_password(publishing, postgres_server, url, words):
    publishing.run()
    secret = {"port": postgres_server.port, "password": postgres_server.password}
    with pytest.raises(PublicationRefused, match="PostgreSQL refused") as refused:
        publish_postgres.publish_postgres(
            publishing.published, Secret(url.format(**secret)), reader="nobody_reads"
        )
    said = _everything_said(refused.value)
    assert [word for word in words if word.format(**secret) in said] == []


# --- the switch --------------------------------------------------------------------------------


def test_a_reader_without_a_transaction_waits_a_moment_and_sees_the_new_one(showing):
    showing.publishing.run()
    showing.show()
    with showing.as_reader() as connection:
        # After five times psycopg prepares the statement; its plan must follow the switch.
        for _ in range(8):
            assert connection.execute("SELECT max(version) FROM dim_firm").fetchone() == (1,)
        showing.next(2)
        assert connection.execute("SELECT max(version) FROM dim_firm").fetchone() == (2,)


def test_a_transaction_sees_one_publication_to_its_end_and_the_switch_waits(showing):
    showing.publishing.run()
    showing.show()
    showing.publishing.next_version(2)
    showing.publishing.run()
    with showing.as_reader(autocommit=False) as connection:
        assert connection.execute("SELECT max(version) FROM dim_firm").fetchone() == (1,)
        reports: list = []
        publisher = threading.Thread(target=lambda: reports.append(showing.show()))
        publisher.start()
        time.sleep(2)
        assert publisher.is_alive()
        assert connection.execute("SELECT max(version) FROM fct_daily").fetchone() == (1,)
        connection.commit()
        publisher.join(30)
        assert reports[0].switch_tries > 1
        assert connection.execute("SELECT max(version) FROM fct_daily").fetchone() == (2,)


def test_a_rename_alone_would_tear_a_question(showing):
    """Why the switch takes every table first: PostgreSQL finds the tables one after the other."""
    for schema, value in (("now", 1), ("next", 2)):
        showing.tell(
            f"CREATE SCHEMA {schema}; CREATE TABLE {schema}.a AS SELECT {value} AS v; "
            f"CREATE TABLE {schema}.b AS SELECT {value} AS v"
        )
    answers: list = []
    reader = threading.Thread(
        target=lambda: answers.extend(showing.ask("SELECT a.v, b.v FROM now.a, now.b"))
    )
    with showing.admin() as renaming, renaming.transaction():
        # The reader has found its first table and waits for its second.
        renaming.execute("LOCK TABLE now.b IN ACCESS EXCLUSIVE MODE")
        reader.start()
        while not showing.ask("SELECT 1 FROM pg_locks WHERE NOT granted"):
            time.sleep(0.01)
        renaming.execute("ALTER SCHEMA now RENAME TO past; ALTER SCHEMA next RENAME TO now")
    reader.join(30)
    assert answers == [(1, 2)]


@pytest.mark.parametrize("isolation", ["REPEATABLE READ", "SERIALIZABLE"])
def test_a_snapshot_older_than_the_load_finds_rows_and_no_empty_table(showing, isolation):
    showing.publishing.run()
    showing.show()
    with showing.as_reader(autocommit=False) as connection:
        connection.execute(f"SET TRANSACTION ISOLATION LEVEL {isolation}")
        connection.execute("SELECT count(*) FROM pg_class")
        showing.next(2)
        assert connection.execute(
            "SELECT count(*), max(d.version), max(f.version) FROM fct_daily d JOIN dim_firm f "
            "USING (ticker)"
        ).fetchone() == (300, 2, 2)


def test_who_holds_the_tables_for_too_long_is_named(showing, monkeypatch):
    showing.publishing.run()
    showing.show()
    monkeypatch.setattr(publish_postgres, "SWITCH_PATIENCE_SECONDS", 1.0)
    showing.publishing.next_version(2)
    showing.publishing.run()
    with showing.as_reader(autocommit=False) as connection:
        connection.execute("SET application_name = 'a forgotten window'")
        connection.execute("SELECT 1 FROM fct_daily")
        with pytest.raises(PublicationRefused, match="Readers hold the published tables") as held:
            showing.show()
        assert "a forgotten window" in held.value.where
        assert f"pid {connection.info.backend_pid}" in held.value.where
        assert "pg_terminate_backend" in held.value.mend
    assert showing.versions() == {1}
    assert not showing.show().unchanged
    assert showing.versions() == {2}
    assert "marts_building" not in showing.schemas()


def test_one_publisher_at_a_time(showing, monkeypatch):
    showing.publishing.run()
    monkeypatch.setattr(publish_postgres, "LOCK_ATTEMPTS", 2)
    with showing.admin() as connection:
        connection.execute("SELECT pg_advisory_lock(hashtext(%s))", [publish_postgres.LOCK_KEY])
        with pytest.raises(WarehouseLocked, match="publishing to this database"):
            showing.show()
    assert showing.show().reloaded


def test_readers_of_every_kind_never_see_an_error_or_two_publications(showing):
    """A small copy of ``python -m benchmarks.publication``, which docs/publication.md reports."""
    showing.publishing.run()
    showing.show()
    over, seen, faults = threading.Event(), [], []
    question = (
        "SELECT p.publication_id, min(t.publication_id), max(t.publication_id), "
        "(SELECT max(version) FROM fct_daily), (SELECT min(version) FROM dim_firm) "
        "FROM publication p CROSS JOIN publication_tables t GROUP BY 1"
    )
    url = showing.reader_url()
    with showing.as_reader() as first:
        assert first.execute(question).fetchone()

    def read(kind: int) -> None:
        kept = psycopg.connect(url, autocommit=True)
        try:
            while not over.is_set():
                with psycopg.connect(url) if kind else nullcontext(kept) as connection:
                    # In a transaction, every question is answered by one publication.
                    answers = [connection.execute(question).fetchone() for _ in range(kind + 1)]
                shown, low, high, version, other = answers[0]
                if not (shown == low == high and version == other and len(set(answers)) == 1):
                    faults.append(answers)
                seen.append(version)
                time.sleep(0.01)
        except psycopg.Error as error:
            faults.append(error)
        finally:
            kept.close()

    readers = [threading.Thread(target=read, args=(number % 2,)) for number in range(6)]
    for reader in readers:
        reader.start()
    try:
        for version in range(2, 8):
            showing.next(version)
    finally:
        over.set()
        for reader in readers:
            reader.join(30)
    assert faults == []
    assert set(seen) >= {2, 3, 4, 5, 6}


# --- interruptions -----------------------------------------------------------------------------

KILLED_SHOW = """
import os, signal, sys
from pathlib import Path
from dagster_project.secret import Secret
from dagster_project.warehouse import publish_postgres

published, url, reader, step, moment = sys.argv[1:]
real = getattr(publish_postgres, step)

def killed(*arguments, **options):
    if moment == "after":
        real(*arguments, **options)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(publish_postgres, step, killed)
publish_postgres.publish_postgres(Path(published), Secret(url), reader=reader)
"""

STEPS = [
    "ensure_reader",
    "clear_leftovers",
    "create_table",
    "fill_table",
    "add_keys",
    "add_references",
    "load_schema",
    "_verify",
    "_rename_and_grant",
    "switch",
    "prune",
]


@pytest.mark.parametrize(
    ("step", "moment"),
    [(step, "after") for step in STEPS] + [("load_schema", "before"), ("_drop", "before")],
)
def test_a_kill_at_any_step_leaves_a_whole_publication(showing, run_script, step, moment):
    showing.publishing.run(keep=2)
    showing.show()
    showing.next(2)
    showing.publishing.next_version(3)
    showing.publishing.run(keep=2)

    done = run_script(
        KILLED_SHOW,
        showing.publishing.published,
        showing.url.reveal(),
        showing.reader,
        step,
        moment,
    )
    assert done.returncode == -9, done.stderr
    # Killed inside the switch, its transaction never happened.
    switched = step in ("switch", "prune", "_drop")
    assert showing.versions() == ({3} if switched else {2})

    report = showing.show()
    assert report.unchanged == switched
    assert showing.versions() == {3}
    assert compare_targets(showing.publishing.published, showing.url).differences == []
    releases = {path.name for path in (showing.publishing.published / "releases").iterdir()}
    assert showing.schemas() == {
        "marts",
        *(publish_postgres.kept_schema(name) for name in releases - {report.publication_id}),
    }
    assert not [name for name in releases if name.startswith(".")]


@pytest.mark.parametrize("step", ["load_schema", "_verify", "_rename_and_grant"])
def test_a_kill_during_the_first_publication_leaves_nothing_in_the_way(showing, run_script, step):
    showing.publishing.run()
    done = run_script(
        KILLED_SHOW,
        showing.publishing.published,
        showing.url.reveal(),
        showing.reader,
        step,
        "after",
    )
    assert done.returncode == -9, done.stderr
    assert "marts" not in showing.schemas()
    showing.show()
    assert showing.schemas() == {"marts"}
    assert showing.versions() == {1}


def test_what_differs_after_the_load_is_never_shown(showing, monkeypatch):
    showing.publishing.run()
    showing.show()
    real = publish_postgres.fill_table

    def losing(connection, source, schema, mart, scratch: Path) -> None:
        real(connection, source, schema, mart, scratch)
        connection.execute(f"DELETE FROM {schema}.{mart.name} WHERE version = 2")

    monkeypatch.setattr(
        publish_postgres,
        "fill_table",
        lambda *a: losing(*a) if a[3].name == "dim_firm" else real(*a),
    )
    monkeypatch.setattr(publish_postgres, "add_references", lambda *_: None)
    with pytest.raises(PublicationRefused, match="does not equal the published files") as refused:
        showing.next(2)
    assert "table dim_firm: 0 rows" in refused.value.where
    assert showing.versions() == {1}
    assert "marts_building" not in showing.schemas()
