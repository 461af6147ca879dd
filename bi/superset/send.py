"""Gives the bundle to a running Superset, over the programming interface its own pages use.

Superset's ``assets`` import replaces what bears the same identifiers: sending twice changes
nothing, sending with another database moves all charts over to it.
"""

from __future__ import annotations

import io
import json
import secrets
import urllib.error
import urllib.request
import zipfile
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import yaml

from bi.superset.build import BUNDLE_DIR, database_file
from dagster_project.errors import WarehouseProjectError

_THIS_MACHINE = {"localhost", "127.0.0.1", "::1"}
_SECONDS = 180


class SupersetRefused(WarehouseProjectError):
    """Superset could not be reached, or did not take what it was given."""


@dataclass(frozen=True)
class Target:
    """Where Superset itself finds the marts: ``kind`` duckdb or postgresql, and the address.

    The address may hold a password; it stands in no message.
    """

    kind: str
    address: str

    def __repr__(self) -> str:
        return f"Target({self.kind})"


def duckdb_target(path: str) -> Target:
    """A published DuckDB file under the path it has on Superset's machine.

    Raises SupersetRefused for a path that is not absolute: Superset runs in a folder of its own.
    """
    if not path.startswith("/"):
        raise SupersetRefused(
            "The path of the DuckDB file must be absolute.",
            where=path,
            mend="give the path that the file has on the machine where Superset runs",
        )
    return Target("duckdb", f"duckdb:///{quote(path)}")


def postgres_target(url: str) -> Target:
    """A database that holds the schema ``marts``, best as a role that may only read.

    Raises SupersetRefused for an address that is none of PostgreSQL's.
    """
    parts = urlsplit(url)
    if parts.scheme.partition("+")[0] not in {"postgres", "postgresql"} or not parts.hostname:
        raise SupersetRefused(
            "This is no address of a PostgreSQL database.",
            where="SUPERSET_POSTGRES_URL",
            mend="postgresql://reader:password@host:5432/database",
        )
    return Target("postgresql", urlunsplit(parts._replace(scheme="postgresql+psycopg2")))


def zipped(target: Target, folder: Path = BUNDLE_DIR) -> bytes:
    """The bundle as Superset takes it, with one database: the target's."""
    chosen = database_file(target.kind)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.glob("**/*.yaml")):
            name = path.relative_to(folder).as_posix()
            text = path.read_text(encoding="utf-8")
            if name.startswith("databases/"):
                if name != chosen:
                    continue
                text = yaml.safe_dump(yaml.safe_load(text) | {"sqlalchemy_uri": target.address})
            archive.writestr(f"bundle/{name}", text)
    return content.getvalue()


class Superset:
    """A session with a running Superset. Passwords and tokens stay in this object."""

    def __init__(self, url: str, user: str, password: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise SupersetRefused(
                "This is no address of a Superset.", where=url, mend="http://127.0.0.1:8088"
            )
        if parts.scheme == "http" and parts.hostname not in _THIS_MACHINE:
            raise SupersetRefused(
                "Passwords would go over the network for all to read.",
                where=url,
                mend="use https, or a tunnel that ends at 127.0.0.1",
            )
        self.url = url.rstrip("/")
        # No proxy of the environment for a server on this machine.
        handlers: list[urllib.request.BaseHandler] = [
            urllib.request.HTTPCookieProcessor(CookieJar())
        ]
        if parts.hostname in _THIS_MACHINE:
            handlers.append(urllib.request.ProxyHandler({}))
        self._opener = urllib.request.build_opener(*handlers)
        self._headers: dict[str, str] = {}
        login = {"username": user, "password": password, "provider": "db", "refresh": False}
        token = self.post("/api/v1/security/login", login)["access_token"]
        self._headers["Authorization"] = f"Bearer {token}"
        self._headers["X-CSRFToken"] = self.get("/api/v1/security/csrf_token/")["result"]
        self._headers["Referer"] = self.url

    def get(self, path: str) -> Any:
        return self._ask(path, None, {})

    def post(self, path: str, content: Any) -> Any:
        return self._ask(path, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def import_bundle(self, content: bytes) -> None:
        """Bring in everything of a zipped bundle, in place of what has the same identifiers."""
        border = secrets.token_hex(16)
        head = (
            f"--{border}\r\n"
            'Content-Disposition: form-data; name="bundle"; filename="bundle.zip"\r\n'
            "Content-Type: application/zip\r\n\r\n"
        )
        body = head.encode() + content + f"\r\n--{border}--\r\n".encode()
        kind = {"Content-Type": f"multipart/form-data; boundary={border}"}
        self._ask("/api/v1/assets/import/", body, kind)

    def _ask(self, path: str, body: bytes | None, headers: dict[str, str]) -> Any:
        request = urllib.request.Request(  # noqa: S310 - http or https: __init__ saw to it
            self.url + path, data=body, headers={**self._headers, **headers}
        )
        try:
            with self._opener.open(request, timeout=_SECONDS) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            said = error.read().decode(errors="replace")
            if error.code in {401, 403}:
                raise SupersetRefused(
                    "Superset does not accept this user, or the user may not do this.",
                    where=self.url + path,
                    mend="set SUPERSET_USER and SUPERSET_PASSWORD; the user needs the role Admin",
                ) from None
            raise SupersetRefused(
                f"Superset answered {error.code}: {_reason(said)}", where=self.url + path
            ) from None
        except (OSError, ValueError) as error:
            raise SupersetRefused(
                f"No answer of a Superset: {error}.",
                where=self.url + path,
                mend="is it running there? `make superset` starts one to try",
            ) from error


def _reason(said: str) -> str:
    """What went wrong in Superset's words, without the pages some servers answer with."""
    try:
        answer = json.loads(said)
    except ValueError:
        return "no words that a person could use"
    return json.dumps(answer.get("errors") or answer.get("message") or answer)[:1000]


def send(superset: Superset, target: Target) -> str:
    """Import the bundle for a target; returns the address of the dashboard."""
    from bi.superset.definition import DASHBOARD_SLUG

    superset.import_bundle(zipped(target))
    return f"{superset.url}/superset/dashboard/{DASHBOARD_SLUG}/"
