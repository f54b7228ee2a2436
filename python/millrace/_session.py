"""The session of a client: a connection whose end tells each side that the other one has gone."""

from __future__ import annotations

import http.client
import json
import select
import threading
import time
from typing import Iterator, Mapping

from ._connection import Address, Connection, server_lost
from .errors import ServerLostError


class Session:
    """Keeps a session open on a thread of its own, and opens it again when it breaks.

    Attributes:
        lost: The error, once the server could not be reached for ``retry_seconds``, or was silent for ``timeout`` seconds.
        generation: Counts the sessions: the memory of an earlier one is gone.
    """

    def __init__(
        self,
        address: Address,
        client: str,
        headers: Mapping[str, str],
        *,
        retry_seconds: float,
        timeout: float,
    ) -> None:
        self._address = address
        self._headers = headers
        self._path = f"/v1/clients/{client}"
        self._retry_seconds = retry_seconds
        self._timeout = timeout
        self._closed = False
        self.lost: ServerLostError | None = None
        self.generation = 0
        self._opened = threading.Event()
        self._connection = Connection(address)
        self._thread = threading.Thread(target=self._run, name="millrace session", daemon=True)
        self._thread.start()

    def wait_open(self) -> bool:
        """Waits until the session is open. Returns whether it is."""
        while self.lost is None and not self._closed:
            if self._opened.wait(0.05):
                return True
        return False

    def close(self) -> None:
        """Ends the session; the server frees what it holds."""
        self._closed = True
        self._connection.interrupt()

    def close_in_child(self) -> None:
        """Closes the copy of the socket that a forked process has, so that the connection can end."""
        self._closed = True
        self._connection.close_in_child()

    def _run(self) -> None:
        ended = ""
        broken_at: float | None = None
        while not self._closed:
            try:
                response = self._connection.open(self._path, self._headers)
                if response.status != 200:
                    raise ConnectionError(f"it answered with status {response.status}")
                for line in self._lines(response):
                    message = json.loads(line)
                    if "session" in message:
                        broken_at = None
                        self.generation += 1
                        self._opened.set()
                    elif "end" in message:
                        ended = message["end"]
                reason = "the session ended"
            except SilenceError as error:
                self._fail(str(error))
                return
            except (OSError, ValueError, AttributeError, http.client.HTTPException) as error:
                reason = str(error) or type(error).__name__
            self._opened.clear()
            self._connection.close()
            now = time.monotonic()
            broken_at = now if broken_at is None else broken_at
            if now - broken_at >= self._retry_seconds:
                self._fail(ended or reason)
                return
            time.sleep(0.02)
        self._connection.close()

    def _fail(self, reason: str) -> None:
        if not self._closed:
            self.lost = server_lost(self._address.text, reason)
        self._connection.close()

    def _lines(self, response: http.client.HTTPResponse) -> Iterator[bytes]:
        sock = self._connection.socket
        if sock is None:
            return
        sock.settimeout(self._timeout)
        while not self._closed:
            try:
                line = response.readline()
            except TimeoutError as error:
                # This process may itself have been stopped for a while: then there is something to read, and the session is
                # opened again.
                if select.select([sock], [], [], 1.0)[0]:
                    return
                raise SilenceError(f"no heartbeat for {self._timeout:g} seconds") from error
            if not line:
                return
            yield line


class SilenceError(ConnectionError):
    """The connection is open, and nothing comes."""

