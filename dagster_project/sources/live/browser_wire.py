"""The same exchange, with the handshake and headers of a browser.

Some hosts look at how a connection is opened and turn away whatever is no browser, with a
status that blames the number of requests (Yahoo since May 2025). curl_cffi opens it as Chrome does.
Everything else is as in ``wire``: limits of time and size, no redirect, certificates verified.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping

from curl_cffi import Curl, CurlError, CurlInfo, CurlOpt
from curl_cffi.const import CurlECode
from curl_cffi.requests.impersonate import REAL_TARGET_MAP

from dagster_project.secret import Secret
from dagster_project.sources.live.wire import ConnectFailed, Exchange, TooLarge, WireError

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


class BrowserWire:
    """Connections that look like those of ``browser``, kept open per thread.

    ``proxy`` is the address of an HTTP proxy, or None.
    """

    def __init__(self, browser: str, proxy: Secret | None = None) -> None:
        # "chrome" is the newest that this version of the library can look like.
        self._browser = REAL_TARGET_MAP.get(browser, browser)
        self._proxy = proxy
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
    ) -> Exchange:
        """GET ``url``; a silence is limited by ``timeout_s``, the whole by ``deadline_s``.

        Follows no redirect. Raises WireError.
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
            # What this browser asks for; libcurl decompresses all of them.
            (CurlOpt.ACCEPT_ENCODING, b"gzip, deflate, br, zstd"),
            (CurlOpt.HEADERFUNCTION, header),
            (CurlOpt.WRITEFUNCTION, piece),
        ):
            handle.setopt(option, value)
        if handle.impersonate(self._browser) != 0:
            raise ValueError(f"curl_cffi cannot look like {self._browser!r}")
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
