"""The models' SQL as dbt compiled it, to run without dbt."""

from __future__ import annotations

import json
from pathlib import Path


def model_statements(target: Path, wanted: str = "") -> list[tuple[str, str]]:
    """Name and CREATE statement of every SQL model (or of those ``wanted`` needs), parents first.

    Models written in Python are left out: their tables must be there already.
    ``target`` is the folder with the manifest of a dbt command that compiled the models.
    """
    nodes = json.loads((target / "manifest.json").read_text())["nodes"]
    models = {key: node for key, node in nodes.items() if node["resource_type"] == "model"}
    ordered: dict[str, str] = {}

    def add(key: str) -> None:
        node = models.get(key)
        if node is None or node["name"] in ordered:
            return
        for parent in node["depends_on"]["nodes"]:
            add(parent)
        if node["language"] != "sql":
            return
        kind = "view" if node["config"]["materialized"] == "view" else "table"
        ordered[node["name"]] = (
            f"create or replace {kind} {node['relation_name']} as {node['compiled_code']}"
        )

    for key in sorted(models):
        if not wanted or models[key]["name"] == wanted:
            add(key)
    return list(ordered.items())
