"""One HTTP exchange by libcurl: bounded in time and size, decompressed, content not looked at.

Some hosts turn away whatever does not open its connection as a browser does, with a status that
blames the number of requests (Yahoo since May 2025): for those curl_cffi opens it as Chrome does.
"""

from __future__ import annotations

import math
import os
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from curl_cffi import Curl, CurlError, CurlInfo, CurlOpt
from curl_cffi.const import CurlECode
from curl_cffi.requests.impersonate import REAL_TARGET_MAP

from dagster_project.secret import Secret

# What libcurl takes for "stop here" from whoever receives a body.
STOP = 0xFFFFFFFF
NOT_REACHED = frozenset(
    {
        CurlECode.COULDNT_RESOLVE_PROXY,
        CurlECode.COULDNT_RESOLVE_HOST,
        CurlECode.COULDNT_CONNECT,
        CurlECode.SSL_CONNECT_ERROR,
        CurlECode.PEER_FAILED_VERIFICATION,
        CurlECode.PROXY,
    }
)


class WireError(Exception):
    """The exchange broke; the message says how, in words fit for a log."""


class ConnectFailed(WireError):
    """Nobody answered at that address, or not securely."""


class TooLarge(WireError):
    """The body is larger than what was allowed."""


@dataclass(frozen=True)
class Exchange:
    """What came back. ``headers`` have lower-case names; of repeated ones the first counts."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def authorities() -> str:
    """File of the certificate authorities that this machine trusts; empty: the library's own.

    The machine's own come first: a proxy that opens connections is trusted by them alone.
    """
    paths = ssl.get_default_verify_paths()
    named = (os.environ.get(paths.openssl_cafile_env, ""), paths.cafile or "")
    return next((path for path in named if path and Path(path).is_file()), "")


class Wire:
    """Connections to vendors, kept open per thread; certificates are always verified.

    ``proxy`` is the address of an HTTP proxy, or None; this machine itself is reached directly.
    """

    def __init__(self, proxy: Secret | None = None) -> None:
        self._proxy = proxy
        self._authorities = authorities()
        # A handle of libcurl belongs to one thread.
        self._handles = threading.local()

    def close(self) -> None:
        """Close this thread's connections; those of others close with their threads."""
        handle: Curl | None = self._handles.__dict__.pop("curl", None)
        if handle is not None:
            handle.close()

    def get(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        timeout_s: float,
        deadline_s: float,
        max_bytes: int,
        direct: bool,
        browser: str = "",
    ) -> Exchange:
        """GET ``url``; a silence is limited by ``timeout_s``, the whole by ``deadline_s``.

        ``browser`` is the one to look like, by curl_cffi's name. Follows no redirect. Raises
        WireError.
        """
        handle: Curl | None = getattr(self._handles, "curl", None)
        if handle is None:
            handle = self._handles.curl = Curl()
        names: dict[str, str] = {}
        pieces: list[bytes] = []
        size = 0

        def header(line: bytes) -> int:
            name, colon, value = line.decode("latin-1").partition(":")
            if line.startswith(b"HTTP/"):
                names.clear()  # of an interim answer
            elif colon:
                names.setdefault(name.strip().lower(), value.strip())
            return len(line)

        def piece(data: bytes) -> int:
            nonlocal size
            size += len(data)
            if size > max_bytes:
                return STOP
            pieces.append(data)
            return len(data)

        handle.reset()
        proxy = "" if direct or self._proxy is None else self._proxy.reveal()
        for option, value in (
            (CurlOpt.URL, url.encode()),
            (CurlOpt.PROTOCOLS_STR, b"http,https"),
            (CurlOpt.FOLLOWLOCATION, 0),
            (CurlOpt.SSL_VERIFYPEER, 1),
            (CurlOpt.SSL_VERIFYHOST, 2),
            # Empty means none, also where the environment names one.
            (CurlOpt.PROXY, proxy.encode()),
            (CurlOpt.TIMEOUT_MS, round(deadline_s * 1000)),
            (CurlOpt.CONNECTTIMEOUT_MS, round(timeout_s * 1000)),
            # Silence: less than one byte a second for so long, in whole seconds.
            (CurlOpt.LOW_SPEED_LIMIT, 1),
            (CurlOpt.LOW_SPEED_TIME, max(math.ceil(timeout_s), 1)),
            (CurlOpt.MAXFILESIZE, min(max_bytes, 2**31 - 1)),
            # libcurl decompresses all of them.
            (CurlOpt.ACCEPT_ENCODING, b"gzip, deflate, br, zstd" if browser else b"gzip"),
            (CurlOpt.HEADERFUNCTION, header),
            (CurlOpt.WRITEFUNCTION, piece),
        ):
            handle.setopt(option, value)
        if self._authorities:
            handle.setopt(CurlOpt.CAINFO, self._authorities.encode())
            handle.setopt(CurlOpt.PROXY_CAINFO, self._authorities.encode())
        # "chrome" is the newest that this version of the library can look like.
        if browser and handle.impersonate(REAL_TARGET_MAP.get(browser, browser)) != 0:
            raise ValueError(f"curl_cffi cannot look like {browser!r}")
        if headers:
            handle.setopt(CurlOpt.HTTPHEADER, [f"{n}: {v}".encode() for n, v in headers.items()])
        try:
            handle.perform()
            status = handle.getinfo(CurlInfo.RESPONSE_CODE)
        except CurlError as error:
            # After a failure the handle may be in any state: the next request opens a new one.
            self.close()
            if size > max_bytes or error.code == CurlECode.FILESIZE_EXCEEDED:
                raise TooLarge(f"the body is larger than {max_bytes} bytes") from None
            words = f"curl {int(error.code)}: {_meaning(error)}"
            if error.code in NOT_REACHED:
                raise ConnectFailed(f"no connection: {words}") from None
            if error.code == CurlECode.OPERATION_TIMEDOUT:
                raise WireError(f"time-out: {words}") from None
            raise WireError(f"the connection broke: {words}") from None
        assert isinstance(status, int)
        return Exchange(status, names, b"".join(pieces))


def _meaning(error: CurlError) -> str:
    """The library's words without its advice to read a manual."""
    text = str(error).partition("See https:")[0]
    return " ".join(text.rpartition(") ")[2].split()).rstrip(".") or "no words"
