"""The page that Streamlit runs: which publication, which pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import streamlit as st

from dagster_project.dashboard import selection, view
from dagster_project.dashboard.published import NothingPublished, Publication, find_publication
from dagster_project.dashboard.screens import claims, data, event, exposure, mining, scenarios
from dagster_project.errors import WarehouseProjectError
from dagster_project.settings import current_settings

# A picture of ours: a named icon would be fetched from another site.
_ICON = Path(__file__).resolve().parent / "icon.png"
# How often an open page looks for a new publication, in seconds.
_WATCH_SECONDS = 5


@dataclass(frozen=True)
class Room:
    """One page: its place in the address, its name, and what draws it."""

    path: str
    title: str
    icon: str
    show: Callable[[Publication], None]


ROOMS = (
    Room("event", "Event", ":material/trending_down:", event.show),
    Room("exposure", "Exposure", ":material/bolt:", exposure.show),
    Room("mining", "Mining", ":material/memory:", mining.show),
    Room("scenarios", "Scenarios", ":material/tune:", scenarios.show),
    Room("claims", "Claims", ":material/fact_check:", claims.show),
    Room("data", "Data", ":material/database:", data.show),
)


def _current_id() -> str:
    try:
        return find_publication(current_settings().published_path).publication_id
    except NothingPublished:
        return ""


@st.fragment(run_every=_WATCH_SECONDS)
def _watch(shown: str) -> None:
    """Draw the whole page anew when another publication has taken the place of the shown one."""
    if _current_id() != shown:
        st.rerun()


def _tell_of_a_change(publication: Publication) -> None:
    before = st.session_state.get("publication_shown")
    st.session_state["publication_shown"] = publication.publication_id
    if before not in (None, publication.publication_id):
        st.toast("A new publication appeared; the figures are of it.", icon=":material/refresh:")


def show(room: Room) -> None:
    """One page, from whatever is published at this moment."""
    st.html(view.STYLE)
    try:
        publication = find_publication(current_settings().published_path)
        _tell_of_a_change(publication)
        room.show(publication)
    except WarehouseProjectError as error:
        st.title("Nothing to show yet" if isinstance(error, NothingPublished) else room.title)
        view.failure(error)
        _watch(_current_id())
        return
    finally:
        selection.drawn()
    at = publication.published_at.replace("T", " ").replace("+00:00", " UTC")
    st.divider()
    st.caption(
        f"Publication `{publication.publication_id}`"
        + (f", {at}" if at else "")
        + ". Every figure is read from it; a new one shows here by itself."
    )
    _watch(publication.publication_id)


def main() -> None:
    st.set_page_config(
        page_title="Bitcoin miners and the AI story",
        page_icon=str(_ICON),
        layout="wide",
        menu_items={"Get help": None, "Report a bug": None, "About": None},
    )
    pages = [
        st.Page(
            partial(show, room),
            title=room.title,
            icon=room.icon,
            url_path=room.path,
            default=place == 0,
        )
        for place, room in enumerate(ROOMS)
    ]
    st.navigation(pages, position="top").run()


if __name__ == "__main__":
    main()
