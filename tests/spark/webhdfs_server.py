"""A store that speaks WebHDFS, Hadoop's REST protocol, over a folder of this machine.

::

    with WebHdfs(folder) as store:
        store.uri  # webhdfs://127.0.0.1:<port>
        store.refuse = lambda asked: PERMISSION_DENIED if asked.operation == "CREATE" else None
        assert [each.operation for each in store.asked] == [...]

As in Hadoop there are two addresses: the name node answers questions about names and sends the
bytes of files elsewhere, with status 307; the data node takes and gives the bytes. What the two
answer, failures included, has the shapes that Hadoop documents for WebHDFS; an operation that
Spark does not ask for is refused as a name node refuses one that it does not know.

One thing is left out: a real answer names its kind, ``Content-Type: application/json``. Hadoop's
client reads that header with a class of Jersey that Spark's jars lack (hadoop-client-runtime 3.5.0
has the interface and not what implements it); what does not name its kind it takes for JSON.

``python -m tests.spark.webhdfs_server FOLDER ADDRESS PORT LOG HEADER`` serves on an address of this
host until it is ended, with a line of JSON in LOG for each request.
"""

from __future__ import annotations

import json
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

_PREFIX = "/webhdfs/v1"
_BLOCK_BYTES = 134_217_728
_PIECE_BYTES = 1 << 20
# By which the data node knows a request that the name node sent on.
_SENT_ON = "namenoderpcaddress"


@dataclass(frozen=True)
class Asked:
    """One request: who asked, of which node, for what."""

    client: str
    node: str
    operation: str
    path: str
    query: dict[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """What Hadoop calls a RemoteException, with the HTTP status it is sent with."""

    def __init__(self, status: int, java_class: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.java_class = java_class


def permission_denied(asked: Asked) -> Refusal:
    user = asked.query.get("user.name", "nobody")
    return Refusal(
        403,
        "org.apache.hadoop.security.AccessControlException",
        f'Permission denied: user={user}, access=WRITE, inode="{asked.path}":hdfs:hdfs:drwxr-xr-x',
    )


def quota_exceeded(asked: Asked) -> Refusal:
    return Refusal(
        403,
        "org.apache.hadoop.hdfs.protocol.DSQuotaExceededException",
        f"The DiskSpace quota of {asked.path} is exceeded",
    )


def _missing(path: str) -> Refusal:
    return Refusal(404, "java.io.FileNotFoundException", f"File does not exist: {path}")


def _illegal(message: str) -> Refusal:
    return Refusal(400, "java.lang.IllegalArgumentException", message)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Executors open many connections at once; Python's default of 5 would refuse some of them.
    request_queue_size = 256
    store: WebHdfs
    node: str

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that went away, as killed workers do."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class WebHdfs:
    """The store: its files lie in ``folder``, under the names that clients use.

    ``asked`` has every request. ``refuse`` is asked before each of them; what it returns is sent
    in place of the answer. ``required_header`` is one that requests which change something must
    carry, as Hadoop wants where ``dfs.webhdfs.rest-csrf.enabled`` is set.
    """

    def __init__(
        self,
        folder: Path,
        address: str = "127.0.0.1",
        port: int = 0,
        log: Path | None = None,
        required_header: str = "",
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.address = address
        self.asked: list[Asked] = []
        self.required_header = required_header
        self.refuse: Callable[[Asked], Refusal | None] = lambda asked: None
        self._log = log
        self._lock = threading.Lock()
        self._servers: list[_Server] = []
        for node, wanted in (("name", port), ("data", 0)):
            server = _Server((address, wanted), _Handler)
            server.store, server.node = self, node
            self._servers.append(server)

    @property
    def uri(self) -> str:
        return f"webhdfs://{self.address}:{self._servers[0].server_port}"

    @property
    def data_address(self) -> str:
        return f"{self.address}:{self._servers[1].server_port}"

    def note(self, asked: Asked) -> None:
        with self._lock:
            self.asked.append(asked)
            if self._log is not None:
                with self._log.open("a", encoding="utf-8") as log:
                    log.write(json.dumps(asdict(asked)) + "\n")

    def files(self, pattern: str) -> list[Path]:
        """Files of the store whose name fits ``pattern`` and that hold something."""
        return [one for one in self.folder.glob(pattern) if one.is_file() and one.stat().st_size]

    def __enter__(self) -> Self:
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # An answer goes out in two pieces, head and body; waiting for the first one's receipt would
    # cost 40 ms each.
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._answer(
            {
                "GETFILESTATUS": self._status,
                "LISTSTATUS": self._list,
                "OPEN": self._open,
                "GETHOMEDIRECTORY": self._home,
                "GETFILEBLOCKLOCATIONS": self._blocks,
            }
        )

    def do_PUT(self) -> None:
        self._answer({"MKDIRS": self._mkdirs, "CREATE": self._create, "RENAME": self._rename})

    def do_DELETE(self) -> None:
        self._answer({"DELETE": self._delete})

    def do_POST(self) -> None:
        self._answer({"APPEND": self._append})

    # -- one request ---------------------------------------------------------------------------

    def _answer(self, operations: dict[str, Callable[[Asked], None]]) -> None:
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        path = unquote(parts.path.removeprefix(_PREFIX)).rstrip("/") or "/"
        operation = query.get("op", "").upper()
        node = self.server.node
        asked = Asked(self.client_address[0], node, operation, path, query)
        self._body_read = False
        store = self.server.store
        store.note(asked)
        wanted = store.required_header
        if wanted and self.command != "GET" and wanted not in self.headers:
            self.close_connection = True
            self._nothing(400)
            return
        try:
            if refused := store.refuse(asked):
                raise refused
            if not parts.path.startswith(_PREFIX) or ".." in path.split("/"):
                raise _illegal(f"Invalid path name {path}")
            if operation not in operations:
                raise _illegal(
                    f'Invalid value for webhdfs parameter "op": No enum constant {operation}'
                )
            if node == "data" and _SENT_ON not in query:
                raise _illegal(f"Invalid operation {operation} for a data node")
            operations[operation](asked)
        except Refusal as error:
            self._refuse(error)

    def _refuse(self, error: Refusal) -> None:
        if not self._body_read and self.headers.get("Transfer-Encoding"):
            # Bytes of the body that nobody took would be read as the next request.
            self.close_connection = True
        self._json(
            {
                "RemoteException": {
                    "exception": error.java_class.rpartition(".")[2],
                    "javaClassName": error.java_class,
                    "message": str(error),
                }
            },
            error.status,
        )

    def _json(self, value: Any, status: int = 200) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _nothing(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _is_sent_on(self, asked: Asked) -> bool:
        """Whether this node leaves the bytes to the data node, and has said so."""
        if self.server.node == "data":
            return False
        store = self.server.store
        query = urlencode({**asked.query, _SENT_ON: store.uri.partition("://")[2]})
        where = f"http://{store.data_address}{_PREFIX}{quote(asked.path)}?{query}"
        self._nothing(307, Location=where)
        return True

    def _place(self, path: str) -> Path:
        return self.server.store.folder / path.lstrip("/")

    # -- names ---------------------------------------------------------------------------------

    def _status_of(self, place: Path, suffix: str) -> dict[str, Any]:
        said = place.stat()
        is_folder = place.is_dir()
        return {
            "accessTime": 0 if is_folder else int(said.st_atime * 1000),
            "blockSize": 0 if is_folder else _BLOCK_BYTES,
            "childrenNum": len(list(place.iterdir())) if is_folder else 0,
            "fileId": said.st_ino,
            "group": "supergroup",
            "length": 0 if is_folder else said.st_size,
            "modificationTime": int(said.st_mtime * 1000),
            "owner": "hdfs",
            "pathSuffix": suffix,
            "permission": "755" if is_folder else "644",
            "replication": 0 if is_folder else 1,
            "storagePolicy": 0,
            "type": "DIRECTORY" if is_folder else "FILE",
        }

    def _status(self, asked: Asked) -> None:
        try:
            status = self._status_of(self._place(asked.path), "")
        except FileNotFoundError as error:
            raise _missing(asked.path) from error
        self._json({"FileStatus": status})

    def _list(self, asked: Asked) -> None:
        place = self._place(asked.path)
        if not place.exists():
            raise _missing(asked.path)
        found = []
        for one in sorted(place.iterdir()) if place.is_dir() else [place]:
            # Another request may take a file away in between.
            with suppress(FileNotFoundError):
                found.append(self._status_of(one, one.name if place.is_dir() else ""))
        self._json({"FileStatuses": {"FileStatus": found}})

    def _home(self, asked: Asked) -> None:
        self._json({"Path": f"/user/{asked.query.get('user.name', 'nobody')}"})

    def _blocks(self, asked: Asked) -> None:
        place = self._place(asked.path)
        if not place.is_file():
            raise _missing(asked.path)
        at = self.server.store.data_address
        block = {
            "cachedHosts": [],
            "corrupt": False,
            "hosts": [at.partition(":")[0]],
            "length": place.stat().st_size,
            "names": [at],
            "offset": 0,
            "storageTypes": ["DISK"],
            "topologyPaths": [f"/default-rack/{at}"],
        }
        self._json({"BlockLocations": {"BlockLocation": [block]}})

    def _mkdirs(self, asked: Asked) -> None:
        try:
            self._place(asked.path).mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise Refusal(
                403,
                "org.apache.hadoop.fs.ParentNotDirectoryException",
                f"{asked.path} (is not a directory)",
            ) from error
        self._json({"boolean": True})

    def _rename(self, asked: Asked) -> None:
        if "renameoptions" in asked.query:
            raise _illegal("renameoptions is not known here")
        source = self._place(asked.path)
        target = self._place(asked.query.get("destination", ""))
        if target.is_dir():
            target = target / source.name
        # HDFS answers false, and no error, to a rename that cannot be.
        can = source.exists() and not target.exists() and target.parent.is_dir()
        if can:
            source.rename(target)
        self._json({"boolean": can})

    def _delete(self, asked: Asked) -> None:
        place = self._place(asked.path)
        if not place.exists():
            self._json({"boolean": False})
            return
        if place.is_file():
            place.unlink(missing_ok=True)
        elif asked.query.get("recursive") == "true":
            # Spark's writers may still be closing files below.
            shutil.rmtree(place, ignore_errors=True)
        elif any(place.iterdir()):
            raise Refusal(
                403,
                "org.apache.hadoop.fs.PathIsNotEmptyDirectoryException",
                f"`{asked.path} is non empty': Directory is not empty",
            )
        else:
            place.rmdir()
        self._json({"boolean": True})

    # -- bytes ---------------------------------------------------------------------------------

    def _pieces(self) -> Iterator[bytes]:
        """The body of the request, however the client chose to send it."""
        self._body_read = True
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            left = int(self.headers.get("Content-Length") or 0)
            while left:
                piece = self.rfile.read(min(left, _PIECE_BYTES))
                if not piece:
                    raise ConnectionResetError
                left -= len(piece)
                yield piece
            return
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            piece = self.rfile.read(size)
            if len(piece) < size:
                raise ConnectionResetError
            self.rfile.readline()
            yield piece
        while self.rfile.readline().strip():
            pass

    def _create(self, asked: Asked) -> None:
        place = self._place(asked.path)
        if place.is_dir() or (place.exists() and asked.query.get("overwrite") != "true"):
            raise Refusal(
                403,
                "org.apache.hadoop.fs.FileAlreadyExistsException",
                f"{asked.path} for client {asked.client} already exists",
            )
        if self._is_sent_on(asked):
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("wb") as output:
            output.writelines(self._pieces())
        self._nothing(201, Location=f"{self.server.store.uri}{quote(asked.path)}")

    def _append(self, asked: Asked) -> None:
        place = self._place(asked.path)
        if not place.is_file():
            raise _missing(asked.path)
        if self._is_sent_on(asked):
            return
        with place.open("ab") as output:
            output.writelines(self._pieces())
        self._nothing(200)

    def _open(self, asked: Asked) -> None:
        place = self._place(asked.path)
        if not place.is_file():
            raise _missing(asked.path)
        if self._is_sent_on(asked):
            return
        size = place.stat().st_size
        offset = int(asked.query.get("offset", 0))
        if not 0 <= offset <= size:
            raise Refusal(
                403, "java.io.IOException", f"Offset={offset} out of the range [0, {size})"
            )
        left = min(int(asked.query.get("length") or size), size - offset)
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(left))
        self.end_headers()
        with place.open("rb") as given:
            given.seek(offset)
            while left and (piece := given.read(min(left, _PIECE_BYTES))):
                self.wfile.write(piece)
                left -= len(piece)


def main(folder: str, address: str, port: str, log: str, required_header: str) -> None:
    with WebHdfs(Path(folder), address, int(port), Path(log), required_header):
        while True:
            time.sleep(3600)


if __name__ == "__main__":
    main(*sys.argv[1:])
