"""The one way this project runs dbt: in its own process, letting go of the file afterwards.

``run_dbt`` returns when dbt has ended. ``DbtStream`` runs it in a thread and hands over every node
as soon as it ends, so that a run that is killed keeps what it did.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster_project import interrupts
from dagster_project.settings import Settings

if TYPE_CHECKING:
    import duckdb
    from dbt.cli.main import dbtRunner, dbtRunnerResult

# Outputs of profiles.yml.
WAREHOUSE_TARGET = "prod"
SPARK_TARGET = "spark"
_STOP_EVERY_S = 0.2
_FAILED = {"error", "fail", "runtime error", "partial success"}


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """dbt reads the path of the working file from its environment; put it back afterwards."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _runner(manifest: Any, callbacks: list[Callable[[Any], None]]) -> dbtRunner:
    """What runs a dbt command, silent from the start.

    A command that is stopped before it has set up its own loggers would write its traceback to
    those that dbt has at import or had for the command before.
    """
    from dbt.cli.main import dbtRunner
    from dbt_common.events.event_manager_client import cleanup_event_logger

    cleanup_event_logger()
    return dbtRunner(manifest=manifest, callbacks=callbacks)


def _let_go_of_the_file() -> None:
    """Close the connection that dbt-duckdb keeps for the life of a process.

    Keeping it open between models halves the time of a build; keeping it after the build
    would lock everyone else out.
    """
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    manager: Any = DuckDBConnectionManager
    # env() raises a bare Exception where dbt never came to open a connection.
    with contextlib.suppress(Exception):
        manager.env().close()
    manager.close_all_connections()


def artifacts_dir(settings: Settings, target: str) -> Path:
    """Folder in the output folder for dbt's parse, artifacts and logs: one per target.

    A parse is made for one adapter. Commands typed in the project's own folder have others
    (``dbt/target``), so that neither reads what the other left half done.
    """
    return settings.dbt_dir / target


def run_dbt(
    settings: Settings,
    arguments: Sequence[str],
    *,
    on_event: Callable[[Any], None] | None = None,
    target_path: Path | None = None,
    manifest: Any = None,
    target: str = WAREHOUSE_TARGET,
    environment: Mapping[str, str] | None = None,
    profiles_dir: Path | None = None,
) -> dbtRunnerResult:
    """Run one dbt command over the settings' working file, or over Spark.

    ``on_event`` receives dbt's log events as they come; ``target_path`` replaces ``artifacts_dir``
    as folder of artifacts and logs; ``manifest`` (a parsed one) saves the parse; ``profiles_dir``
    holds another ``profiles.yml`` than the project's.
    ``target`` is an output of profiles.yml; on Spark a session must be there already, which dbt
    then takes. ``environment`` is added for the command.
    dbt prints nothing: what goes wrong stands in the result, which the caller tells, and in dbt's
    log. Raises KeyboardInterrupt where Ctrl-C ended it, which dbt takes for a failure.
    """
    words = [
        *arguments,
        *_places(settings, target, manifest is not None, target_path, profiles_dir),
    ]
    runner = _runner(manifest, [on_event] if on_event else [])
    with _environment({**settings.dbt_environment(), **(environment or {})}):
        try:
            result = runner.invoke(words)
        finally:
            _let_go_of_the_file()
    if isinstance(result.exception, KeyboardInterrupt):
        raise result.exception
    return result


def _places(
    settings: Settings,
    target: str,
    is_parsed: bool,
    target_path: Path | None = None,
    profiles_dir: Path | None = None,
) -> list[str]:
    """dbt arguments that say where everything is."""
    shared = artifacts_dir(settings, target)
    folder = target_path or shared
    places = [
        "--project-dir",
        str(settings.dbt_project_dir),
        "--profiles-dir",
        str(profiles_dir or settings.dbt_project_dir),
        "--target",
        target,
        "--target-path",
        str(folder),
        "--log-path",
        str(folder / "logs"),
        "--quiet",
        "--log-level",
        "none",
    ]
    if is_parsed and folder == shared:
        # What the parse has written there stays: two commands at once would write manifest.json
        # over one another, and whoever reads it next would find half of each.
        places.append("--no-write-json")
    return places


@dataclass(frozen=True)
class NodeOutcome:
    """What dbt says of one model or test.

    ``sql`` is the statement as it ran, empty for a model in Python; ``column_origins`` is what such
    a model declares instead.
    """

    unique_id: str
    status: str
    failures: int | None
    message: str
    seconds: float
    sql: str = ""
    column_origins: Mapping[str, Sequence[str]] | None = None

    @property
    def name(self) -> str:
        """dbt's name of it, without package and hash."""
        return self.unique_id.split(".")[2]

    @property
    def failed(self) -> bool:
        return self.status in _FAILED


def compiled_sql(node: Any) -> str:
    """The statement that a node of dbt's manifest ran; empty where it has none."""
    is_sql = getattr(node, "language", "") == "sql"
    return (getattr(node, "compiled_code", None) or "") if is_sql else ""


def column_origins(node: Any) -> Mapping[str, Sequence[str]] | None:
    """The origins of its columns that a node of dbt's manifest declares; None where it has none."""
    declared: Mapping[str, Sequence[str]] | None = (
        node.config.meta.get("column_origins") if node is not None else None
    )
    return declared


class DbtStream:
    """One dbt command on the working file, in a thread of its own; iterate over its ended nodes.

    A context: leaving it waits for dbt, which is stopped first where the block was left by an
    exception (Ctrl-C), and lets go of the file. ``result`` is dbt's own, once the iteration is
    over.
    """

    def __init__(
        self,
        settings: Settings,
        arguments: Sequence[str],
        *,
        manifest: Any,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.result: dbtRunnerResult | None = None
        self._manifest = manifest
        self._environment = {**settings.dbt_environment(), **(environment or {})}
        self._words = [
            *arguments,
            *_places(settings, WAREHOUSE_TARGET, is_parsed=True),
        ]
        self._ended: queue.SimpleQueue[NodeOutcome | None] = queue.SimpleQueue()
        # Not waited for by an interpreter that ends: leaving the context does.
        self._thread = threading.Thread(target=self._work, name="dbt", daemon=True)

    def _work(self) -> None:
        try:
            self.result = _runner(self._manifest, [self._follow]).invoke(self._words)
        except KeyboardInterrupt:
            pass  # of _stop, before dbt had begun or when it had just ended
        finally:
            self._ended.put(None)

    def _follow(self, event: Any) -> None:
        if event.info.name != "NodeFinished":
            return
        told, about = event.data.run_result, event.data.node_info
        if about.resource_type not in {"model", "test"}:
            return
        self._ended.put(
            NodeOutcome(
                unique_id=about.unique_id,
                status=told.status,
                # The number has no empty value there; of a model it says nothing.
                failures=told.num_failures if about.resource_type == "test" else None,
                message=told.message,
                seconds=told.execution_time,
                sql=compiled_sql(self._manifest.nodes.get(about.unique_id)),
                column_origins=column_origins(self._manifest.nodes.get(about.unique_id)),
            )
        )

    def __enter__(self) -> DbtStream:
        self._stack = contextlib.ExitStack()
        self._stack.enter_context(_environment(self._environment))
        self._thread.start()
        return self

    def __iter__(self) -> Iterator[NodeOutcome]:
        # A signal that came while dbt was imported may have been swallowed by a library.
        interrupts.check()
        while (ended := self._ended.get()) is not None:
            yield ended
            interrupts.check()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._stack:
            if kind is not None:
                self._stop()
            self._thread.join()
            _let_go_of_the_file()

    def _stop(self) -> None:
        """Make dbt believe in Ctrl-C, which Python tells the main thread alone; end its queries."""
        if self._thread.ident is not None:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(self._thread.ident), ctypes.py_object(KeyboardInterrupt)
            )
        while self._thread.is_alive():
            _interrupt_queries()
            self._thread.join(_STOP_EVERY_S)

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Another connection to the file that dbt holds open, for reading what it has built."""
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager

        environment: Any = DuckDBConnectionManager.env()
        made: duckdb.DuckDBPyConnection = environment.conn.cursor()
        return made


def _interrupt_queries() -> None:
    """End what DuckDB computes for dbt at this moment."""
    from dbt.adapters.factory import FACTORY

    adapter: Any = FACTORY.adapters.get("duckdb")
    for connection in list(adapter.connections.thread_connections.values()) if adapter else []:
        # A connection that is being closed has nothing to end.
        with contextlib.suppress(Exception):
            connection.handle.cursor().interrupt()
