"""The project's macros without dbt, for one engine, and the SQL they give run on it.

dbt would render the same text: a macro that dispatches gets `<engine>__<name>`.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import duckdb
import jinja2
import yaml

from dagster_project.settings import PROJECT_DIR

DBT = PROJECT_DIR / "dbt"


def macros_of(engine: str) -> Any:
    """Every macro of the project as an attribute, for ``duckdb`` or ``spark``."""
    variables = yaml.safe_load((DBT / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]

    def dispatch(name: str, _package: str = "") -> Any:
        own = getattr(module, f"{engine}__{name}", None)
        return own or getattr(module, f"default__{name}")

    # The text becomes SQL, not a page: there is nothing to escape.
    environment = jinja2.Environment(autoescape=False)  # noqa: S701 - it renders SQL, not HTML
    environment.add_extension("jinja2.ext.do")
    environment.globals.update(
        {
            "adapter": SimpleNamespace(dispatch=dispatch),
            "return": lambda value: value,
            "var": lambda name, default=None: variables.get(name, default),
            "target": SimpleNamespace(type=engine),
        }
    )
    files = sorted((DBT / "macros").glob("*.sql"))
    source = "\n".join(path.read_text(encoding="utf-8") for path in files)
    module = environment.from_string(source).make_module()
    return module


def rows_of(engine: str, query: str, spark: Any = None) -> list[tuple[Any, ...]]:
    """What a query answers on the engine, values as Python has them."""
    if engine == "spark":
        return [tuple(row) for row in spark.sql(query).collect()]
    with duckdb.connect() as connection:
        return connection.execute(query).fetchall()
