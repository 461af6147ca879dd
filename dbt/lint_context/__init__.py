"""What SQL linting knows of dbt beyond sqlfluff's own stand-ins.

A variable has its value of dbt_project.yml: macros count and compare with it.
"""

from functools import cache
from pathlib import Path
from typing import Any

import yaml


@cache
def _variables() -> dict[str, Any]:
    project = Path(__file__).parent.parent / "dbt_project.yml"
    return yaml.safe_load(project.read_text(encoding="utf-8"))["vars"]


def var(name: str, default: Any = None) -> Any:
    """The variable's value, as in a run without `--vars`."""
    return _variables().get(name, default)
