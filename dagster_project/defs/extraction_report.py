"""What Dagster shows of an extraction: metadata of the asset and results of its checks."""

from __future__ import annotations

from datetime import date
from typing import Any

import dagster as dg

from dagster_project.contracts import Window
from dagster_project.freshness import why_stale
from dagster_project.ingest import Ingested, Part

REJECTS_CHECK = "no_rejected_rows"
ANSWERED_CHECK = "every_symbol_answered"
FRESH_CHECK = "figures_are_fresh"
# Read again by the sensor that looks for stale series.
MODE_METADATA, NEWEST_METADATA = "source_mode", "newest_date"

# Columns of the table that shows, in the run's metadata, what became of each symbol.
_PART_SCHEMA = dg.TableSchema(
    columns=[
        dg.TableColumn(name, type_, description=words)
        for name, type_, words in (
            ("symbol", "string", "What was asked for."),
            ("status", "string", "loaded, unanswered or refused."),
            ("vendor", "string", "Who answered."),
            ("rows", "int", "Rows of the answer."),
            ("first_date", "string", "First date of the answer."),
            ("last_date", "string", "Last date of the answer."),
            ("requests", "int", "Requests sent, repeats included."),
            ("retries", "int", "Requests sent again."),
            ("bytes", "int", "Bytes received, decompressed."),
            ("waited_s", "float", "Seconds waited for limits and between repeats."),
            ("remarks", "string", "Who did not answer before, and why."),
        )
    ]
)


def ingested_metadata(
    ingested: Ingested, window: Window | None, source_mode: str
) -> dict[str, Any]:
    cost = ingested.cost
    asked = {
        "symbols_done": len(ingested.parts) - len(ingested.missing),
        "symbols_missing": len(ingested.missing),
        "requests": cost.requests,
        "retries": cost.retries,
        "bytes": cost.bytes,
        "waited_s": round(cost.waited_s, 1),
        "symbols": dg.TableMetadataValue(
            records=[_record(part) for part in ingested.parts], schema=_PART_SCHEMA
        ),
    }
    return {
        "dagster/row_count": ingested.total,
        "rows_read": ingested.count("read"),
        "rows_new": ingested.count("inserted"),
        "rows_revised": ingested.count("updated"),
        "rows_removed": ingested.count("removed"),
        "rows_rejected": ingested.count("rejected"),
        "source": ", ".join(sorted({part.vendor for part in ingested.parts if part.vendor})),
        "origin": "; ".join(ingested.origins[:5]),
        "window": str(window) if window else "everything",
        "batch_id": ", ".join(report.batch_id for report in ingested.reports[:5]),
        "summary": ingested.summary,
        MODE_METADATA: source_mode,
        **({NEWEST_METADATA: str(ingested.newest)} if ingested.newest else {}),
        **({"notes": "; ".join(ingested.notes)} if ingested.notes else {}),
        **(asked if cost.requests or ingested.missing else {}),
    }


def _record(part: Part) -> dg.TableRecord:
    return dg.TableRecord(
        {
            "symbol": part.symbol,
            "status": part.status,
            "vendor": part.vendor,
            "rows": part.rows,
            "first_date": part.first_date,
            "last_date": part.last_date,
            "requests": part.cost.requests,
            "retries": part.cost.retries,
            "bytes": part.cost.bytes,
            "waited_s": round(part.cost.waited_s, 1),
            "remarks": "; ".join(part.tried),
        }
    )


def rejects_result(ingested: Ingested) -> dg.AssetCheckResult:
    rejected, read = ingested.count("rejected"), ingested.count("read")
    rejections = [text for report in ingested.reports for text in report.rejections]
    return dg.AssetCheckResult(
        check_name=REJECTS_CHECK,
        passed=not rejected,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{rejected} of {read} rows left out"
        + "".join(f"\n- {text}" for text in rejections),
        metadata={"rejected": rejected, "read": read},
    )


def fresh_result(ingested: Ingested, source_mode: str, today: date) -> dg.AssetCheckResult:
    """Warns where a series read from vendors ends earlier than its source usually does."""
    if source_mode != "live":
        why, words = "", f"read as {source_mode}: such figures do not age"
    elif ingested.newest is None:
        why, words = "nothing is stored", ""
    else:
        why = why_stale(ingested.table, ingested.newest, today)
        words = f"the newest figure is of {ingested.newest}"
    return dg.AssetCheckResult(
        check_name=FRESH_CHECK,
        passed=not why,
        severity=dg.AssetCheckSeverity.WARN,
        description=why or words,
        metadata={"newest_date": str(ingested.newest or "")},
    )


def answered_result(ingested: Ingested) -> dg.AssetCheckResult:
    missing = ingested.missing
    nobody = len(missing) == len(ingested.parts) > 0
    return dg.AssetCheckResult(
        check_name=ANSWERED_CHECK,
        passed=not missing,
        # Some symbols less is a gap in the figures; no symbol at all is a source that is down.
        severity=dg.AssetCheckSeverity.ERROR if nobody else dg.AssetCheckSeverity.WARN,
        description=f"{len(missing)} of {len(ingested.parts)} symbols missing; what was stored "
        "of them stays"
        + "".join(f"\n- {p.symbol}: {p.status}: {'; '.join(p.tried)}" for p in missing),
        metadata={"missing": len(missing), "asked": len(ingested.parts)},
    )
