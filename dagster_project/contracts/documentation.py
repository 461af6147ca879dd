"""Documents that follow from the contracts: dbt's source definitions and the dictionary.

The list of marts follows from their folder. ``python -m dagster_project.contracts.documentation``
writes them all; a test holds the committed files equal to what this module would write.
"""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from dagster_project.contracts.schema import Column, Reference, Table
from dagster_project.contracts.tables import TABLES
from dagster_project.settings import PROJECT_DIR

DBT_DIR = PROJECT_DIR / "dbt"
SOURCES_PATH = DBT_DIR / "models" / "staging" / "sources.yml"
MARTS_MACRO_PATH = DBT_DIR / "macros" / "quality_marts.sql"
# A model that another one reads, in SQL or in Python.
_REF = re.compile(r"""ref\(['"](\w+)['"]\)""")
DICTIONARY_PATH = PROJECT_DIR / "data" / "README.md"
DICTIONARY_START = "<!-- dictionary: written from the contracts by `make contracts` -->"
DICTIONARY_END = "<!-- end of dictionary -->"

_GENERATED = "# Written from dagster_project/contracts by `make contracts`; edit those instead.\n"


def _source_column(column: Column) -> dict[str, object]:
    return {
        "name": column.name,
        "description": column.description,
        "data_type": column.kind.duckdb_type,
    }


def _source_table(table: Table) -> dict[str, object]:
    return {
        "name": table.name,
        "description": f"{table.description} Grain: {table.grain}.",
        "columns": [_source_column(column) for column in table.stored_columns],
    }


def sources_yaml() -> str:
    """dbt source definitions of all raw tables."""
    document = {
        "version": 2,
        "sources": [
            {
                "name": "raw",
                # A target that builds elsewhere reads the raw tables of the attached working file.
                "database": "{{ 'miner_warehouse' if target.name == 'dev' else '' }}",
                "schema": "raw",
                "description": "Typed rows as they came from their sources, one contract each.",
                "tables": [_source_table(table) for table in TABLES],
            }
        ],
    }
    text: str = yaml.safe_dump(document, sort_keys=False, width=100, allow_unicode=True)
    return _GENERATED + text


def _duckdb_only() -> set[str]:
    """Models that another engine cannot run: those with the tag, and what is built on them."""
    project = yaml.safe_load((DBT_DIR / "dbt_project.yml").read_text(encoding="utf-8"))
    layers = project["models"][project["name"]].values()
    # A folder of models, or one model.
    tagged = {
        name
        for layer in layers
        if isinstance(layer, dict)
        for name, settings in layer.items()
        if isinstance(settings, dict) and "duckdb_only" in settings.get("+tags", "")
    }
    models = {
        path.stem: path
        for path in (DBT_DIR / "models").rglob("*")
        if path.suffix in {".sql", ".py"}
    }
    parents = {
        name: set(_REF.findall(path.read_text(encoding="utf-8"))) for name, path in models.items()
    }
    found = {name for name, path in models.items() if tagged & {name, *path.parts}}
    while more := {name for name, its in parents.items() if its & found} - found:
        found |= more
    return found


def marts_macro() -> str:
    """The macro that names every mart: a file in the folder of marts is one."""
    kept_here = _duckdb_only()
    listed: dict[bool, list[str]] = {False: [], True: []}
    for path in (DBT_DIR / "models" / "marts").rglob("*"):
        if path.suffix in {".sql", ".py"}:
            listed[path.stem in kept_here].append(path.stem)
    portable, duckdb_only = (
        "".join(f"\n        '{name}'," for name in sorted(listed[kept])) + "\n    "
        for kept in (False, True)
    )
    return f"""\
{{#-
  Written from the folder of marts by `make contracts`.

  Every mart, for tests over all of them: dbt must know at parse time what they wait for.
  `marts_are_documented` fails when a mart is missing here, so the list cannot go stale.
-#}}
{{% macro quality_marts() -%}}
    {{%- set portable = [{portable}] -%}}
    {{#- What stays on DuckDB cannot be read on another engine: models with the tag (`meta` says
        why) and what is built on them. -#}}
    {{%- set duckdb_only = [{duckdb_only}] -%}}
    {{{{ return(portable + duckdb_only if target.type == 'duckdb' else portable) }}}}
{{%- endmacro %}}
"""


def _accepted(column: Column) -> str:
    parts = []
    if column.one_of:
        parts.append(", ".join(f"`{value}`" for value in column.one_of))
    bounds = (("≥", column.at_least), (">", column.above), ("≤", column.at_most))
    parts.extend(f"{sign} {bound:,.15g}" for sign, bound in bounds if bound is not None)
    if column.reference:
        parts.append(_existing(column.reference))
    return "; ".join(parts)


def _existing(reference: Reference) -> str:
    words = f"in `{reference.table}.{reference.column}`"
    words += "".join(f" or `{word}`" for word in reference.also)
    return words + (f" where {reference.when}" if reference.when else "")


def _demands(table: Table) -> str:
    """What is asked of the rows together, as sentences that follow others."""
    demands = [rule.reason for rule in table.table_rules]
    if table.required_keys:
        (key,) = table.key
        free = [name for name in table.column(key).one_of if name not in table.required_keys]
        but = f" but {', '.join(free)}" if free else ""
        demands.insert(0, f"needs a row for every {key} it accepts{but}")
    return "".join(f" The table {demand}." for demand in demands)


def dictionary_markdown() -> str:
    """Dictionary of all raw tables: columns, types, meaning, accepted values."""
    lines = []
    for table in TABLES:
        file = f"`{table.file}`" if table.file else "made by the calendar source"
        need = "optional" if table.optional else "required"
        if table.default_from_bundled:
            need = "optional: the project's own file stands in"
        lines += [
            f"### {table.name}",
            "",
            f"{table.description} Grain: {table.grain} (key: {', '.join(table.key)}). "
            f"File: {file}" + (f" ({need})." if table.file else ".") + _demands(table),
            "",
            "| column | type | value needed | meaning | accepted |",
            "| --- | --- | --- | --- | --- |",
        ]
        lines += [
            f"| {c.name} | {c.kind.value} | "
            f"{'yes' if c.required else 'no' if c.in_file else 'no; column may be absent'} | "
            f"{c.description} | {_accepted(c)} |"
            for c in table.columns
        ]
        lines.append("")
    return "\n".join(lines)


def with_dictionary(readme: str) -> str:
    """The data folder's README with its dictionary section made anew."""
    before, rest = readme.split(DICTIONARY_START)
    _, after = rest.split(DICTIONARY_END)
    return f"{before}{DICTIONARY_START}\n\n{dictionary_markdown()}\n{DICTIONARY_END}{after}"


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    print(f"wrote {path.relative_to(PROJECT_DIR)}")


def main() -> None:
    _write(SOURCES_PATH, sources_yaml())
    _write(MARTS_MACRO_PATH, marts_macro())
    _write(DICTIONARY_PATH, with_dictionary(DICTIONARY_PATH.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
