"""HTTP connections to a server: over a unix socket or TCP, with or without TLS."""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import ssl
import time
from dataclasses import dataclass
from typing import Any, Callable, Mapping

import numpy as np

from .errors import ConfigError, FormatError, MillraceError, ServerError, ServerLostError
from ._wire import WIRE_VERSION

#: Longest wait for a connection to be made, in seconds.
CONNECT_SECONDS = 5.0


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("millrace", timeout=CONNECT_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


@dataclass(frozen=True)
class Address:
    """Where a server is, and how to reach it.

    Attributes:
        text: ``unix:PATH`` or ``HOST:PORT``.
        connect: Makes a connection, which is opened by its first request.
        is_local: Whether it is a unix socket, so that memory may be shared.
        headers: Sent with every request.
    """

    text: str
    connect: Callable[[], http.client.HTTPConnection]
    is_local: bool
    headers: Mapping[str, str]


def parse_address(text: str, token: str | None, tls: bool | ssl.SSLContext) -> Address:
    """Reads ``unix:PATH`` or ``HOST:PORT``.

    Raises:
        ConfigError: for anything else.
    """
    token = token if token is not None else os.environ.get("MILLRACE_TOKEN")
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    if text.startswith("unix:") and len(text) > len("unix:"):
        path = text[len("unix:") :]
        return Address(text, lambda: _UnixConnection(path), True, headers)
    match = re.fullmatch(r"(?:\[([^\]]+)\]|([^:/]+)):(\d{1,5})", text)
    if match is None:
        raise ConfigError(f"An address is 'unix:PATH' or 'HOST:PORT', not {text!r}.")
    host, port = match[1] or match[2], int(match[3])
    if not tls:
        return Address(
            text, lambda: http.client.HTTPConnection(host, port, timeout=CONNECT_SECONDS), False, headers
        )
    context = tls if isinstance(tls, ssl.SSLContext) else ssl.create_default_context()
    return Address(
        text,
        lambda: http.client.HTTPSConnection(host, port, timeout=CONNECT_SECONDS, context=context),
        False,
        headers,
    )


@dataclass(frozen=True)
class Reply:
    """A response that is not an error."""

    status: int
    #: Names in any case.
    headers: http.client.HTTPMessage
    #: Shape ``[bytes]``, uint8.
    body: np.ndarray

    @property
    def server(self) -> str:
        """Id of the server process."""
        return self.headers.get("Millrace-Server", "")

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body.tobytes())


class BusyError(Exception):
    """A proxy or a closing server has answered in place of the one that has the batch: ask again."""


class Connection:
    """One connection, opened when it is needed and again after a failure. Not safe for several threads at once."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._http: http.client.HTTPConnection | None = None

    def request(
        self, path: str, headers: Mapping[str, str] = {}, method: str = "GET", body: str | None = None
    ) -> Reply:
        """Sends a request and reads the response.

        Raises:
            ServerError: with the code of the server.
            BusyError: if it may help to ask again.
            OSError, http.client.HTTPException: if the connection fails.
        """
        try:
            response = self.open(path, headers, method, body)
            reply = Reply(response.status, response.headers, _read(response))
        except BaseException:
            self.close()
            raise
        _check_status(reply)
        return reply

    def request_patiently(
        self,
        path: str,
        headers: Callable[[], Mapping[str, str]],
        retry_seconds: float,
        on_failure: Callable[[], bool] = lambda: True,
    ) -> Reply:
        """Sends a request, and sends it again while the server cannot be reached.

        Args:
            headers: Called for each attempt.
            retry_seconds: How long to go on after the first failure.
            on_failure: Called after each failure. Returns whether to go on.

        Raises:
            ServerLostError: after ``retry_seconds``.
            ServerError: with the code of the server.
        """
        failed_at: float | None = None
        while True:
            try:
                return self.request(path, headers())
            except (OSError, http.client.HTTPException, BusyError) as error:
                if not on_failure():
                    raise
                now = time.monotonic()
                failed_at = now if failed_at is None else failed_at
                if now - failed_at >= retry_seconds:
                    raise server_lost(self._address.text, str(error) or type(error).__name__) from error
                time.sleep(min(0.1, 0.01 + (now - failed_at) / 4))

    def open(
        self, path: str, headers: Mapping[str, str] = {}, method: str = "GET", body: str | None = None
    ) -> http.client.HTTPResponse:
        """Sends a request. The caller reads the response."""
        if self._http is None:
            self._http = self._address.connect()
        if self._http.sock is None:
            self._http.connect()
            made: Any = self._http.sock
            # A batch may take as long as it takes; the session tells whether the server lives.
            made.settimeout(None)
            if not self._address.is_local:
                made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._http.request(method, path, body=body, headers={**self._address.headers, **headers})
        return self._http.getresponse()

    @property
    def socket(self) -> socket.socket | None:
        """The socket, while it is open."""
        return None if self._http is None else self._http.sock

    def close(self) -> None:
        """Closes the socket. A later request opens another one."""
        if self._http is not None:
            self._http.close()
            self._http = None

    def close_in_child(self) -> None:
        """Closes the copy of the socket that a forked process has. The connection of the parent stays."""
        open_socket = self.socket
        if open_socket is not None:
            file = open_socket.detach()
            if file >= 0:
                os.close(file)
        self._http = None

    def interrupt(self) -> None:
        """Ends a request that another thread waits for."""
        open_socket = self.socket
        if open_socket is not None:
            try:
                open_socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def server_lost(address: str, reason: str) -> ServerLostError:
    """The error of a server that cannot be reached."""
    return ServerLostError(
        f"The server at {address} does not answer: {reason}. Start it again and resume from a saved state, "
        "or pass a longer retry_seconds to wait for it."
    )


def _read(response: http.client.HTTPResponse) -> np.ndarray:
    """The whole body, in memory of its own: one copy from the socket."""
    if response.length is None:
        return np.frombuffer(bytearray(response.read()), dtype=np.uint8)
    body = np.empty(response.length, dtype=np.uint8)
    view = body.data
    done = 0
    while done < len(view):
        count = response.readinto(view[done:])
        if count == 0:
            raise http.client.IncompleteRead(b"", len(view) - done)
        done += count
    # Reads nothing more, and frees the connection for the next request.
    response.read()
    return body


def _check_status(reply: Reply) -> None:
    version = reply.headers.get("Millrace-Wire")
    if reply.status in (502, 503, 504):
        raise BusyError(f"status {reply.status}: {_message(reply)}")
    if version is None:
        raise ServerError(f"This is not a server of millrace serve: it answered with status {reply.status}.")
    if version != str(WIRE_VERSION):
        raise FormatError(
            f"The server speaks version {version} of the protocol, this package version {WIRE_VERSION}. "
            "Install the package that comes with the server: millrace python --path."
        )
    if reply.status not in (200, 204):
        raise _error_of(reply)


def _message(reply: Reply) -> str:
    try:
        return str(reply.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return reply.body[:200].tobytes().decode("utf-8", "replace")


def _error_of(reply: Reply) -> MillraceError:
    try:
        error = reply.json()["error"]
        return ServerError(
            error["message"], code=error["code"], where=error["where"], causes=error["causes"]
        )
    except (ValueError, KeyError, TypeError):
        return ServerError(f"The server answered with status {reply.status}: {_message(reply)}")
