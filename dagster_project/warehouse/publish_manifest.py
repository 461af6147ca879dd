"""The manifest of a publication: written as JSON, read back only where it has the whole shape."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"
_TEXT_OR_NONE = (str, None)
_FILE = {"file": str, "sha256": str, "bytes": int}
_SHAPE: dict[str, Any] = {
    "manifest_version": int,
    "publication_id": str,
    "published_at": str,
    "code_revision": str,
    "replaced": _TEXT_OR_NONE,
    "database": {**_FILE, "duckdb_version": str},
    "tables": [
        {
            "name": str,
            "description": str,
            "columns": [{"name": str, "type": str, "description": str, "required": bool}],
            "primary_key": [str],
            "rows": int,
            "content_checksum": str,
            "key_dates": {str: [_TEXT_OR_NONE]},
            "tickers": ([str], None),
            "parquet": _FILE,
        }
    ],
}
# Of later versions of the manifest.
_OPTIONAL_MACROS: Any = [{"name": str, "example": str}]
_OPTIONAL_REFERENCES: Any = [{"column": str, "table": str, "refers_to": str}]


def _fits(value: Any, shape: Any) -> bool:
    """Whether JSON has a shape: a type, one of a tuple, a list of one shape, or named members."""
    if isinstance(shape, tuple):
        return any(_fits(value, one) for one in shape)
    if isinstance(shape, list):
        return isinstance(value, list) and all(_fits(item, shape[0]) for item in value)
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return False
        if shape.keys() == {str}:
            return all(_fits(item, shape[str]) for item in value.values())
        return all(name in value and _fits(value[name], one) for name, one in shape.items())
    # True is an int to Python, and no number in a manifest.
    return value is None if shape is None else type(value) is shape


def _is_complete(manifest: Any) -> bool:
    if not _fits(manifest, _SHAPE):
        return False
    try:
        datetime.fromisoformat(manifest["published_at"]).utctimetuple()
    except ValueError:
        return False
    return (
        all(len(span) == 2 for t in manifest["tables"] for span in t["key_dates"].values())
        and all(_fits(t.get("foreign_keys", []), _OPTIONAL_REFERENCES) for t in manifest["tables"])
        and _fits(manifest.get("table_macros", []), _OPTIONAL_MACROS)
    )


def read_manifest(release: Path) -> dict[str, Any] | None:
    """A release's manifest, or None where it is missing or damaged."""
    try:
        manifest: Any = json.loads((release / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return dict(manifest) if _is_complete(manifest) else None


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8")
