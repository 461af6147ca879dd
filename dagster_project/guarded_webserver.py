"""Dagster's web server behind the guard: ``python -m dagster_project.guarded_webserver``.

Takes the arguments of ``dagster-webserver``.
"""

from __future__ import annotations

from dagster_webserver import cli
from dagster_webserver.webserver import DagsterWebserver
from starlette.middleware import Middleware

from dagster_project.origin_guard import OriginGuard

GRAPHQL = frozenset({"/graphql"})


class GuardedWebserver(DagsterWebserver):  # type: ignore[type-arg]
    """The same pages; every request and WebSocket passes the guard first."""

    def build_middleware(self) -> list[Middleware]:
        return [Middleware(OriginGuard, json_paths=GRAPHQL), *super().build_middleware()]


def main() -> None:
    # The command line makes its server by this name and offers no other place for middleware.
    import dagster_webserver.app

    setattr(dagster_webserver.app, "DagsterWebserver", GuardedWebserver)  # noqa: B010 - not exported
    cli.main()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
