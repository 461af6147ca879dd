"""What all asset modules share: owners, groups, pool, and readable failures."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from dagster_project.errors import WarehouseLocked, WarehouseProjectError, disk_full
from dagster_project.settings import current_settings

OWNERS = ["team:data-engineering"]
# Dagster announces its beta parameters on every start; the pins in the lock hold them still.
warnings.filterwarnings("ignore", category=dg.BetaWarning)

# A run with this tag goes on from what is stored; without it, sources are asked for the months
# that were chosen, so that a backfill reads what it is told to.
INCREMENTAL_TAG = "miner/incremental"

# A backfill of any range of months is one run. A range can be asked for only where every
# selected asset says so, those without partitions included.
ONE_RUN = dg.BackfillPolicy.single_run()


# What a program that holds the working file may take longer than one step waits for it.
LOCK_RETRIES, LOCK_RETRY_SECONDS = 2, 5


@contextmanager
def readable_failures(context: dg.AssetExecutionContext) -> Iterator[None]:
    """Turn the project's own errors into a Dagster failure that shows only their message.

    Nothing is tried again but a working file that another program holds: that one may end. The
    sources repeat their requests themselves, and the rest needs a person.
    """
    try:
        yield
    except WarehouseLocked as error:
        if context.retry_number < LOCK_RETRIES:
            context.log.warning(str(error))
            raise dg.RetryRequested(
                max_retries=LOCK_RETRIES,
                seconds_to_wait=LOCK_RETRY_SECONDS * 2**context.retry_number,
            ) from error
        raise dg.Failure(description=str(error), allow_retries=False) from error
    except WarehouseProjectError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    except Exception as error:
        full = disk_full(error, current_settings().output_dir)
        if full is None:
            raise
        raise dg.Failure(description=str(full), allow_retries=False) from error
