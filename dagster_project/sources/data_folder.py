"""The bundled figures, or a user's folder with the same CSV files, as a source."""

from __future__ import annotations

from datetime import UTC, date, datetime
from difflib import get_close_matches
from pathlib import Path

from dagster_project.contracts import SOURCE_REF, TABLES, Extract, Table, Window, typed_frame
from dagster_project.errors import SourceError
from dagster_project.sources.base import OnePart
from dagster_project.sources.csv_file import read_csv


class DataFolder(OnePart):
    """Reads ``snapshot/``, ``ledger/`` and ``study/`` CSV files of one folder.

    A missing optional file gives an empty table; a missing ``study/`` file gives the
    bundled one, and the extract's notes say so.
    """

    def __init__(self, folder: Path, bundled_folder: Path) -> None:
        self._folder = folder
        self._bundled_folder = bundled_folder

    @property
    def name(self) -> str:
        return "bundled" if self._folder == self._bundled_folder else "data_folder"

    def extract(self, table: Table, window: Window | None = None) -> Extract:
        """Rows of the table's file, within ``window`` where it is a series.

        Raises SourceError for a missing required file and for anything malformed.
        """
        if not table.file:
            raise SourceError(f"Table {table.name} has no file in a data folder.")
        path, notes = self._locate(table)
        columns, lines = read_csv(path, table, shown=str(path)) if path else ({}, [])
        if path and not lines and not table.optional:
            raise SourceError(
                f"The file holds a header but no rows; table {table.name} needs them.",
                where=str(path),
                mend="restore the file; what was loaded before is untouched",
            )
        columns[SOURCE_REF] = [f"{table.file}, line {line}" for line in lines]
        frame = typed_frame(table, columns)
        if window is not None and table.time_column:
            dates = frame[table.time_column].dt.date
            frame = frame[(dates >= window.start) & (dates <= window.end)].reset_index(drop=True)
        return Extract(
            table=table.name,
            frame=frame,
            source=self.name,
            origin=str(path or self._folder / table.file),
            retrieved_at=datetime.now(UTC).replace(tzinfo=None),
            window=window if table.time_column else None,
            complete=True,
            notes=notes,
        )

    def span(self) -> Window:
        """First to last date of any series in the folder that can be read.

        A malformed file is left to the asset that loads it, which says what is wrong,
        unless no series can be read at all: then its error is raised here.
        """
        dates: list[date] = []
        errors: list[SourceError] = []
        for table in TABLES:
            if not table.time_column:
                continue
            try:
                dates.extend(self._dates(table))
            except SourceError as error:
                errors.append(error)
        if dates:
            return Window(min(dates), max(dates))
        if errors:
            raise errors[0]
        raise SourceError(
            "No series in the data folder has a row.",
            where=str(self._folder),
            mend="add snapshot/equity_daily.csv (data/README.md describes it)",
        )

    def _dates(self, table: Table) -> list[date]:
        """Dates of a series; empty where its file is absent."""
        path, _ = self._locate(table)
        if path is None:
            return []
        columns, _ = read_csv(path, table, shown=str(path))
        return columns[table.time_column]

    def _locate(self, table: Table) -> tuple[Path | None, tuple[str, ...]]:
        path = self._folder / table.file
        if _is_there(path):
            return path, ()
        if meant := misspelt(self._folder, table):
            raise SourceError(
                f"The data folder has a file that no table reads: {meant.name}.",
                where=str(meant),
                mend=f"rename it to {Path(table.file).name}, or remove it if it is not meant",
            )
        if table.default_from_bundled:
            note = f"{table.file} is not in {self._folder}: the project's own file stands in"
            return self._bundled_folder / table.file, (note,)
        if table.optional:
            return None, (f"{table.file} is not in {self._folder}: {table.name} stays empty",)
        raise SourceError(
            f"The data folder lacks {table.file}, which table {table.name} needs.",
            where=str(self._folder),
            mend=f"add the file with the columns {', '.join(c.name for c in table.columns)} "
            "(data/README.md describes them)",
        )


def unread_files(folder: Path) -> list[Path]:
    """CSV files in the folders of the tables, and beside them, that no table reads."""
    known = {folder / table.file for table in TABLES if table.file}
    places = {folder, *(path.parent for path in known)}
    return sorted(
        path
        for place in places
        if place.is_dir()
        for path in place.iterdir()
        if path.suffix.lower() == ".csv" and path not in known
    )


def misspelt(folder: Path, table: Table) -> Path | None:
    """A file that nothing reads and whose name is nearly that of the table's; None without one."""
    wanted = Path(table.file).name
    found = {path.name.lower(): path for path in unread_files(folder)}
    close = get_close_matches(wanted, found, n=1, cutoff=0.85)
    return found[close[0]] if close else None


def _is_there(path: Path) -> bool:
    try:
        # A link that leads nowhere is there: it is no missing file that something stands in for.
        return path.exists() or path.is_symlink()
    except OSError:
        # A folder that may not be searched hides its files; reading one says why, whereas
        # calling it absent would pass an optional table off as empty.
        return True
