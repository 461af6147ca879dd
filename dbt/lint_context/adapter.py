"""What SQL linting knows of dbt's `adapter`.

The linter renders the SQL without dbt, so that it starts in a second and opens no
warehouse; a macro that dispatches gets its DuckDB version, as it would in a run.
"""

from collections.abc import Callable
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context


@pass_context
def dispatch(context: Context, macro_name: str, _package: str = "") -> Callable[..., Any]:
    """The macro ``duckdb__<name>``, or ``default__<name>`` where there is none."""
    for candidate in (f"duckdb__{macro_name}", f"default__{macro_name}"):
        macro = context.resolve(candidate)
        if callable(macro):
            return macro
    raise LookupError(f"no macro duckdb__{macro_name} or default__{macro_name}")
