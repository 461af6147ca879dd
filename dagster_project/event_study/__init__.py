"""Event studies on arrays: models, windows, tests across firms, gradients, rolling betas.

Start with ``EventStudy`` in a notebook. The modules below it work on arrays (series × days, NaN
for holes) and serve the warehouse as well:

- ``models``: expected returns; one ``fit`` for shares, portfolios and the scan
- ``market``, ``event``: returns on one calendar; one model around one event session
- ``windows``: cumulative abnormal returns and sample quantiles
- ``tests``: tests across firms, on one date or pooled over several; ``dates``, ``ranks`` and
  ``correlation`` are what they are made of
- ``gradient``: did the more exposed fall more
- ``rolling``, ``scan``: rolling betas; abnormal days found without a date
- ``distributions``: p-values, quantiles, minimum detectable effects

The package imports NumPy, ``scipy.special`` and, in ``study``, pandas; nothing of the project.
"""

from dagster_project.event_study.market import Parameters
from dagster_project.event_study.models import Model
from dagster_project.event_study.study import EventStudy, EventStudyResults

__all__ = ["EventStudy", "EventStudyResults", "Model", "Parameters"]
