"""What all asset modules share: owners, groups, pool, and readable failures."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from dagster_project.errors import WarehouseProjectError

OWNERS = ["team:data-engineering"]
# Dagster announces its beta parameters on every start; the pins in the lock hold them still.
warnings.filterwarnings("ignore", category=dg.BetaWarning)

# A run with this tag goes on from what is stored; without it, sources are asked for the months
# that were chosen, so that a backfill reads what it is told to.
INCREMENTAL_TAG = "miner/incremental"

# A backfill of any range of months is one run. A range can be asked for only where every
# selected asset says so, those without partitions included.
ONE_RUN = dg.BackfillPolicy.single_run()


@contextmanager
def readable_failures() -> Iterator[None]:
    """Turn the project's own errors into a Dagster failure that shows only their message."""
    try:
        yield
    except WarehouseProjectError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
