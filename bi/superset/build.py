"""Writes the dashboard in Superset's own export format (YAML files, one per asset).

Words of tables and columns are those of the published marts, which have them from dbt's yml:
nothing is typed twice. Identifiers follow from names, so a bundle that is written again replaces
what an earlier one brought in instead of standing beside it.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from bi.superset import definition as wanted
from bi.superset.definition import Chart, Filter, Where
from dagster_project.errors import WarehouseProjectError
from dagster_project.warehouse.publish_marts import ABOUT_NAMES, MARTS_SCHEMA, Mart, describe_marts
from dagster_project.warehouse.session import connect

BUNDLE_DIR = Path(__file__).resolve().parent / "bundle"
VERSION = "1.0.0"
# Any fixed value would do; this one must never change, or an import makes everything anew.
_NAMESPACE = uuid.UUID("5f0c1f58-8f6e-5b6c-9d0a-26032025c0de")
_HEADER = (
    "# Written by `make superset-bundle`; edit bi/superset/definition.py or dbt's yml instead.\n"
)
# A metadata file may not bear the day it was written: the bundle must be the same tomorrow.
_WRITTEN_AT = "2025-03-26T00:00:00+00:00"
# Endings of column names and how a heading writes them; the first that fits is taken.
_UNITS = {
    "usd_ph": "USD per PH/s and day",
    "btc_ph": "BTC per PH/s and day",
    "usd_eh": "USD per EH/s and day",
    "eh_s_7d": "EH/s, mean of 7 days",
    "eh_s": "EH/s",
    "usd": "USD",
    "btc": "BTC",
    "mw": "MW",
    "pct": "%",
}
_SERIES_KINDS = {
    "line": "echarts_timeseries_line",
    "step": "echarts_timeseries_step",
    "scatter": "echarts_timeseries_scatter",
    "bar": "echarts_timeseries_bar",
}
_ROW_LIMIT = 10_000


class BundleRefused(WarehouseProjectError):
    """The marts lack what the dashboard shows."""


def identifier(kind: str, name: str) -> str:
    """The UUID of an asset: the same in every bundle that is ever written."""
    return str(uuid.uuid5(_NAMESPACE, f"{kind}/{name}"))


def read_marts(database: Path) -> tuple[Mart, ...]:
    """Tables, columns and their words of a published file, or of a working file's marts.

    Raises BundleRefused where there is no such file or it holds no marts.
    """
    if not database.exists():
        raise BundleRefused(
            "There is no publication to take tables and words from.",
            where=str(database),
            mend="make run, then this again",
        )
    with connect(database, read_only=True) as connection:
        row = connection.execute("SELECT current_database()").fetchone()
        assert row is not None
        # What the publication says of itself is no subject of a chart.
        marts = tuple(
            mart for mart in describe_marts(connection, row[0]) if mart.name not in ABOUT_NAMES
        )
    if not marts:
        raise BundleRefused(f"The file has no schema {MARTS_SCHEMA}.", where=str(database))
    return marts


def bundle(marts: tuple[Mart, ...]) -> dict[str, str]:
    """File names to YAML texts of the whole bundle.

    Raises BundleRefused, naming chart and column, where the dashboard asks for what the marts
    do not have.
    """
    _require_columns(marts)
    files: dict[str, Any] = {
        "metadata.yaml": {"version": VERSION, "type": "assets", "timestamp": _WRITTEN_AT},
        "databases/duckdb.yaml": _database("duckdb"),
        "databases/postgresql.yaml": _database("postgresql"),
    }
    for mart in marts:
        files[f"datasets/{mart.name}.yaml"] = _dataset(mart)
    for chart in wanted.CHARTS:
        files[f"charts/{chart.slug}.yaml"] = _chart(chart)
    files[f"dashboards/{wanted.DASHBOARD_SLUG}.yaml"] = _dashboard()
    return {name: _text(content) for name, content in sorted(files.items())}


def write_bundle(texts: Mapping[str, str], folder: Path = BUNDLE_DIR) -> None:
    """Write the files and remove those of assets that are no more."""
    for old in folder.glob("**/*.yaml"):
        if old.relative_to(folder).as_posix() not in texts:
            old.unlink()
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def stale_files(texts: Mapping[str, str], folder: Path = BUNDLE_DIR) -> list[str]:
    """Names of files that are missing, superfluous or other than they would be written now."""
    there = {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in folder.glob("**/*.yaml")
    }
    return sorted(name for name in {*texts, *there} if texts.get(name, "") != there.get(name, ""))


def database_file(kind: str) -> str:
    """Name of the bundle's file for one kind of database: duckdb or postgresql."""
    return f"databases/{kind}.yaml"


def _text(content: Any) -> str:
    text: str = yaml.safe_dump(content, sort_keys=False, width=100, allow_unicode=True)
    return _HEADER + text


def _require_columns(marts: tuple[Mart, ...]) -> None:
    there = {mart.name: {column.name for column in mart.columns} for mart in marts}
    for derived in wanted.DERIVED:
        if derived.name in there.get(derived.table, set()):
            raise BundleRefused(
                f"Table {derived.table} has a column {derived.name} of its own now.",
                where="bi/superset/definition.py",
                mend="take it out of DERIVED",
            )
        there.setdefault(derived.table, set()).add(derived.name)
    asked = [
        (chart.table, column, f"chart {chart.slug}")
        for chart in wanted.CHARTS
        for column in (
            *chart.columns,
            *([chart.measure] if chart.measure else []),
            *(name.lstrip("-") for name in chart.order),
            *(where.column for where in chart.where if where.column),
        )
    ]
    by_slug = {chart.slug: chart for chart in wanted.CHARTS}
    for one in wanted.FILTERS:
        asked.append((one.table, one.column, f"filter {one.slug}"))
        asked += [(by_slug[slug].table, one.column, f"filter {one.slug}") for slug in one.charts]
    missing = sorted({f"{t}.{c} ({who})" for t, c, who in asked if c not in there.get(t, set())})
    if missing:
        raise BundleRefused(
            f"The dashboard asks for what the marts do not have: {', '.join(missing)}.",
            where="bi/superset/definition.py",
            mend="rename it there as the mart was renamed",
        )


def _database(kind: str) -> dict[str, Any]:
    """One of two ways to the same marts: both have one identity, and an import brings one."""
    if kind == "duckdb":
        address = "duckdb:////path/to/published/miner_marts.duckdb"
        # Read-only takes no lock. Superset opens a connection per query and closes it, so the
        # next query sees a new publication. SQL Lab must not read the server's other files.
        arguments: dict[str, Any] = {
            "read_only": True,
            "config": {"enable_external_access": False, "lock_configuration": True},
        }
    else:
        address = "postgresql+psycopg2://reader@localhost:5432/miner_marts"
        arguments = {"options": "-c default_transaction_read_only=on -c statement_timeout=60000"}
    return {
        "database_name": "Bitcoin-miner marts",
        "sqlalchemy_uri": address,
        "cache_timeout": None,
        "expose_in_sqllab": True,
        "allow_run_async": False,
        "allow_ctas": False,
        "allow_cvas": False,
        "allow_dml": False,
        "allow_csv_upload": False,
        "extra": {
            "allows_virtual_table_explore": True,
            "metadata_params": {},
            "engine_params": {"connect_args": arguments},
        },
        "uuid": identifier("database", "marts"),
        "version": VERSION,
    }


def _label(column: str) -> str:
    """The column's name as a heading: words, and the unit at its end as units are written."""
    for ending, unit in _UNITS.items():
        if column.endswith(f"_{ending}"):
            words = column.removesuffix(f"_{ending}").replace("_", " ")
            return f"{words.replace(' mw', ' MW')}, {unit}"
    return column.replace("_", " ")


def _dataset(mart: Mart) -> dict[str, Any]:
    columns = [
        {
            "column_name": column.name,
            "verbose_name": _label(column.name),
            "type": column.type,
            "is_dttm": column.type in {"DATE", "TIMESTAMP"},
            "description": column.description.strip(),
        }
        for column in mart.columns
    ]
    columns += [
        {
            "column_name": derived.name,
            "verbose_name": _label(derived.name),
            "type": derived.type,
            "is_dttm": False,
            "description": derived.description,
            "expression": derived.expression,
        }
        for derived in wanted.DERIVED
        if derived.table == mart.name
    ]
    return {
        "table_name": mart.name,
        "schema": MARTS_SCHEMA,
        "description": mart.description.strip(),
        "uuid": identifier("dataset", mart.name),
        "database_uuid": identifier("database", "marts"),
        "filter_select_enabled": True,
        "columns": columns,
        "metrics": [
            {
                "metric_name": "count",
                "verbose_name": "rows",
                "metric_type": "count",
                "expression": "COUNT(*)",
                "description": "Number of rows.",
            }
        ],
        "version": VERSION,
    }


def _condition(where: Where) -> dict[str, Any]:
    if where.sql:
        return {"clause": "WHERE", "expressionType": "SQL", "sqlExpression": where.sql}
    value = list(where.value) if isinstance(where.value, tuple) else where.value
    return {
        "clause": "WHERE",
        "expressionType": "SIMPLE",
        "subject": where.column,
        "operator": where.operator,
        "comparator": value,
    }


def _measure(chart: Chart) -> dict[str, Any]:
    # Announcements of a day add up; everything else has one row where it is drawn.
    return {
        "expressionType": "SIMPLE",
        "aggregate": "SUM" if chart.kind == "scatter" else "MAX",
        "column": {"column_name": chart.measure},
        "label": chart.measure_label,
        "hasCustomLabel": True,
        "optionName": f"metric_{chart.slug}",
    }


def _dollars(chart: Chart) -> dict[str, str] | None:
    return {"symbol": "USD", "symbolPosition": "prefix"} if chart.currency else None


def _table_params(chart: Chart) -> dict[str, Any]:
    configuration: dict[str, dict[str, Any]] = {}
    for column in chart.columns:
        settings: dict[str, Any] = {}
        if column in chart.formats:
            settings["d3NumberFormat"] = chart.formats[column]
        if column in chart.widths:
            settings["columnWidth"] = chart.widths[column]
        if column in chart.labels:
            settings["customColumnName"] = chart.labels[column]
        if column == chart.currency:
            settings["currencyFormat"] = _dollars(chart)
        if settings:
            configuration[column] = settings
    return {
        "query_mode": "raw",
        "all_columns": list(chart.columns),
        "order_by_cols": [
            json.dumps([name.lstrip("-"), not name.startswith("-")]) for name in chart.order
        ],
        "column_config": configuration,
        "table_timestamp_format": "%Y-%m-%d",
        "row_limit": 1000,
        # 0: all rows on one page, which scrolls.
        "page_length": 0,
        "include_search": chart.searchable,
        "show_cell_bars": False,
        "color_pn": False,
        "allow_render_html": True,
        "allow_rearrange_columns": False,
    }


def _series_params(chart: Chart) -> dict[str, Any]:
    is_bar = chart.kind == "bar"
    params: dict[str, Any] = {
        "x_axis": chart.columns[0],
        "metrics": [_measure(chart)],
        "groupby": list(chart.columns[1:]),
        "row_limit": _ROW_LIMIT,
        "y_axis_format": chart.formats[chart.measure],
        "y_axis_bounds": [None, None],
        "rich_tooltip": True,
        "show_legend": len(chart.columns) > 1,
        "legendType": "scroll",
        "legendOrientation": "top",
        "truncateXAxis": False,
        "truncateYAxis": not chart.axis_from_zero,
        "x_axis_title_margin": 30,
        "y_axis_title_margin": 30,
        "truncate_metric": True,
        "show_empty_columns": True,
        "zoomable": chart.kind == "line",
        "color_scheme": "supersetColors",
        "annotation_layers": [],
    }
    if chart.currency:
        params["currency_format"] = _dollars(chart)
    if is_bar:
        # Superset draws the last category of a lying chart on top.
        is_rising = chart.order[0].startswith("-")
        params |= {
            "orientation": "horizontal",
            "x_axis_sort": chart.measure_label,
            "x_axis_sort_asc": is_rising,
            # Categories of several series cannot be sorted by value here: A stands on top.
            "x_axis_sort_series": "name",
            "x_axis_sort_series_ascending": False,
            # Two rows of figures for one category would cover each other.
            "show_value": len(chart.columns) == 1,
            "only_total": False,
            "xAxisForceCategorical": True,
        }
    else:
        params |= {
            "x_axis_time_format": "%b %Y" if chart.kind == "line" else "%Y-%m-%d",
            "tooltipTimeFormat": "%Y-%m-%d",
            "x_axis_sort_asc": True,
            "time_grain_sqla": None,
            "markerSize": 12 if chart.kind == "scatter" else 6,
            "seriesType": "end" if chart.kind == "step" else chart.kind,
        }
    if chart.kind == "step":
        # What was said holds until it is said anew: a line between days without a statement.
        params |= {"resample_rule": "1D", "resample_method": "ffill", "markerEnabled": False}
    return params


def _query(chart: Chart) -> dict[str, Any]:
    """The chart's data as rows, for the API, for reports and for downloads without a browser."""
    simple = [where for where in chart.where if not where.sql]
    query: dict[str, Any] = {
        "filters": [
            {
                "col": where.column,
                "op": where.operator,
                **({} if where.value is None else {"val": _condition(where)["comparator"]}),
            }
            for where in simple
        ],
        "extras": {
            "having": "",
            "where": " AND ".join(f"({where.sql})" for where in chart.where if where.sql),
        },
        "applied_time_extras": {},
        "columns": list(chart.columns),
        "annotation_layers": [],
        "row_limit": _ROW_LIMIT,
        "order_desc": False,
        "url_params": {},
        "custom_params": {},
        "custom_form_data": {},
    }
    if chart.kind == "table":
        query["orderby"] = [[name.lstrip("-"), not name.startswith("-")] for name in chart.order]
    else:
        query["metrics"] = [_measure(chart)]
        query["orderby"] = [[column, True] for column in chart.columns]
    return query


def _chart(chart: Chart) -> dict[str, Any]:
    kind = "table" if chart.kind == "table" else _SERIES_KINDS[chart.kind]
    params = {
        "viz_type": kind,
        "adhoc_filters": [_condition(where) for where in chart.where],
        "extra_form_data": {},
        **(_table_params(chart) if chart.kind == "table" else _series_params(chart)),
    }
    context = {
        # Superset writes its own number here when it imports.
        "datasource": {"id": 0, "type": "table"},
        "force": False,
        "queries": [_query(chart)],
        "form_data": {"viz_type": kind},
        "result_format": "json",
        "result_type": "full",
    }
    return {
        "slice_name": chart.title,
        "description": chart.words,
        "certified_by": None,
        "certification_details": None,
        "viz_type": kind,
        "params": params,
        "query_context": json.dumps(context),
        "cache_timeout": None,
        "uuid": identifier("chart", chart.slug),
        "version": VERSION,
        "dataset_uuid": identifier("dataset", chart.table),
    }


def _reading_aid(charts: list[Chart]) -> str:
    """Words below a tab: what each chart shows, and the mart that it shows."""
    lines = [
        f"- **{chart.title}.** {chart.words} Table `{MARTS_SCHEMA}.{chart.table}`."
        for chart in charts
    ]
    return "\n".join(["#### How to read this page", "", *lines])


def _position() -> dict[str, Any]:
    """Tabs, rows and charts as a flat dictionary that refers to itself, as Superset wants it."""
    numbers = {chart.slug: number for number, chart in enumerate(wanted.CHARTS, start=1)}
    charts = {chart.slug: chart for chart in wanted.CHARTS}
    position: dict[str, Any] = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"id": "ROOT_ID", "type": "ROOT", "children": ["TABS-all"]},
        "GRID_ID": {"id": "GRID_ID", "type": "GRID", "children": [], "parents": ["ROOT_ID"]},
        "HEADER_ID": {
            "id": "HEADER_ID",
            "type": "HEADER",
            "meta": {"text": wanted.DASHBOARD},
        },
    }
    tab_ids = []
    for tab_number, (tab_title, rows) in enumerate(wanted.TABS, start=1):
        tab_id = f"TAB-{tab_number}"
        tab_ids.append(tab_id)
        row_ids = []
        for row_number, (height, cells) in enumerate(rows, start=1):
            row_id = f"ROW-{tab_number}-{row_number}"
            row_ids.append(row_id)
            above = ["ROOT_ID", "TABS-all", tab_id]
            position[row_id] = {
                "id": row_id,
                "type": "ROW",
                "children": [f"CHART-{slug}" for slug, _ in cells],
                "meta": {"background": "BACKGROUND_TRANSPARENT"},
                "parents": above,
            }
            for slug, width in cells:
                position[f"CHART-{slug}"] = {
                    "id": f"CHART-{slug}",
                    "type": "CHART",
                    "children": [],
                    "meta": {
                        "chartId": numbers[slug],
                        "height": height,
                        "sliceName": charts[slug].title,
                        "uuid": identifier("chart", slug),
                        "width": width,
                    },
                    "parents": [*above, row_id],
                }
        words_id, row_id = f"MARKDOWN-{tab_number}", f"ROW-{tab_number}-words"
        row_ids.append(row_id)
        position[row_id] = {
            "id": row_id,
            "type": "ROW",
            "children": [words_id],
            "meta": {"background": "BACKGROUND_TRANSPARENT"},
            "parents": ["ROOT_ID", "TABS-all", tab_id],
        }
        shown = [charts[slug] for _, cells in rows for slug, _ in cells]
        position[words_id] = {
            "id": words_id,
            "type": "MARKDOWN",
            "children": [],
            "meta": {"code": _reading_aid(shown), "height": 12 + 4 * len(shown), "width": 12},
            "parents": ["ROOT_ID", "TABS-all", tab_id, row_id],
        }
        position[tab_id] = {
            "id": tab_id,
            "type": "TAB",
            "children": row_ids,
            "meta": {"text": tab_title, "defaultText": "Tab title", "placeholder": "Tab title"},
            "parents": ["ROOT_ID", "TABS-all"],
        }
    position["TABS-all"] = {
        "id": "TABS-all",
        "type": "TABS",
        "children": tab_ids,
        "meta": {},
        "parents": ["ROOT_ID"],
    }
    return position


def _filter(one: Filter) -> dict[str, Any]:
    numbers = {chart.slug: number for number, chart in enumerate(wanted.CHARTS, start=1)}
    first: dict[str, Any] = {"extraFormData": {}, "filterState": {}, "ownState": {}}
    if one.first:
        values = list(one.first)
        first["extraFormData"] = {"filters": [{"col": one.column, "op": "IN", "val": values}]}
        first["filterState"] = {"value": values, "label": ", ".join(values)}
    return {
        "id": f"NATIVE_FILTER-{one.slug}",
        "type": "NATIVE_FILTER",
        "filterType": "filter_select",
        "name": one.name,
        "description": one.words,
        "targets": [
            {
                "column": {"name": one.column},
                "datasetUuid": identifier("dataset", one.table),
            }
        ],
        "controlValues": {
            "multiSelect": one.several,
            "enableEmptyFilter": not one.several,
            "defaultToFirstItem": False,
            "inverseSelection": False,
            "searchAllOptions": False,
            "sortAscending": True,
        },
        "defaultDataMask": first,
        "cascadeParentIds": [],
        "scope": {
            "rootPath": ["ROOT_ID"],
            "excluded": [number for slug, number in numbers.items() if slug not in one.charts],
        },
    }


def _dashboard() -> dict[str, Any]:
    return {
        "dashboard_title": wanted.DASHBOARD,
        "description": wanted.DASHBOARD_WORDS,
        "css": "",
        "slug": wanted.DASHBOARD_SLUG,
        "uuid": identifier("dashboard", wanted.DASHBOARD_SLUG),
        "position": _position(),
        "metadata": {
            "native_filter_configuration": [_filter(one) for one in wanted.FILTERS],
            "color_scheme": "",
            "label_colors": {
                chart.measure_label: chart.color
                for chart in wanted.CHARTS
                if chart.measure and len(chart.columns) == 1
            },
            "refresh_frequency": 0,
            "timed_refresh_immune_slices": [],
            "expanded_slices": {},
            "default_filters": "{}",
            "cross_filters_enabled": False,
            "chart_configuration": {},
            "global_chart_configuration": {
                "scope": {"rootPath": ["ROOT_ID"], "excluded": []},
                "chartsInScope": [],
            },
            # A bar of one tall row of filters takes less room than a column beside the charts.
            "filter_bar_orientation": "HORIZONTAL",
        },
        "published": True,
        "version": VERSION,
    }
