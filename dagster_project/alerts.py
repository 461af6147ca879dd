"""A message to the web address a team watches, when a source fails or a run does."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable

from dagster_project.settings import Settings

_TIMEOUT_S = 5.0


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A webhook's address is a secret: it is not handed on to where an answer points."""

    def redirect_request(self, *args: object, **kwargs: object) -> None:
        return None


def post_alert(settings: Settings, text: str, warn: Callable[[str], None]) -> bool:
    """Send ``{"text": ...}`` (what chat services read) to MINER_ALERT_WEBHOOK, if set.

    Returns whether it was delivered. An alert that cannot be delivered is a warning in the
    log, never a failed run; the address, which is a secret, is not part of it.
    """
    if not settings.alert_webhook:
        return False
    request = urllib.request.Request(  # noqa: S310 - the settings take https and this machine only
        settings.alert_webhook.reveal(),
        data=json.dumps({"text": text}).encode(),
        headers={"Content-Type": "application/json"},
        method="POST",
    )
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=_TIMEOUT_S):
            return True
    except urllib.error.HTTPError as error:
        warn(f"the alert was not delivered: the webhook answered {error.code}")
    except (OSError, ValueError) as error:
        warn(f"the alert was not delivered: {type(error).__name__}")
    return False
