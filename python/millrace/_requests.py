"""Requests for batches, several at a time, on threads."""

from __future__ import annotations

import queue
import threading
from typing import Mapping

from ._connection import Address, Connection, Reply
from ._memory import SharedSlots


class Pending:
    """A request that is under way.

    Args:
        number: The batch within its epoch.
        memory: Where the server may write the batch, and ``slot`` in it. ``None``: it comes over the socket.
    """

    def __init__(
        self,
        path: str,
        number: int,
        headers: Mapping[str, str],
        memory: SharedSlots | None,
        slot: int | None,
    ) -> None:
        self.path = path
        self.number = number
        self.done = threading.Event()
        self.reply: Reply | None = None
        self.error: BaseException | None = None
        self.cancelled = False
        self._headers = headers
        self._memory = memory
        self._slot = slot
        self._lock = threading.Lock()

    def headers(self) -> dict[str, str]:
        """What to send with the request."""
        headers = dict(self._headers)
        if self._memory is not None:
            headers["Millrace-Slot"] = f"{self._memory.memory}/{self._slot}"
        return headers

    def settle(self, reply: Reply | None, error: BaseException | None) -> None:
        """Ends the request. A slot that the batch did not come in is free again."""
        with self._lock:
            self.reply, self.error = reply, error
            is_in_slot = reply is not None and "Millrace-Slot-Bytes" in reply.headers
            if self.cancelled or not is_in_slot:
                self._give_back()
            self.done.set()

    def cancel(self) -> None:
        """Nobody waits for the batch any more."""
        with self._lock:
            self.cancelled = True
            if self.done.is_set():
                self._give_back()

    def abandon_slot(self) -> None:
        """The request failed, and the server may still write to the slot: that memory is used no more."""
        with self._lock:
            if self._memory is not None:
                self._memory.retired = True
            self._memory = self._slot = None

    @property
    def fold(self) -> str | None:
        """64 bits over what the batch is made of, in hexadecimal, for receipts; ``None`` for a bound loader."""
        return None if self.reply is None else self.reply.headers.get("Millrace-Fold")

    def take_slot(self) -> tuple[SharedSlots, int] | None:
        """The slot that the batch came in. It now belongs to the caller."""
        with self._lock:
            memory, slot = self._memory, self._slot
            self._memory = self._slot = None
            return None if memory is None or slot is None else (memory, slot)

    def _give_back(self) -> None:
        if self._memory is not None and self._slot is not None:
            self._memory.give_back(self._slot)
        self._memory = self._slot = None


class Requests:
    """Threads that send requests, each over a connection of its own."""

    def __init__(self, address: Address, threads: int, retry_seconds: float) -> None:
        self._retry_seconds = retry_seconds
        self._queue: queue.SimpleQueue[Pending | None] = queue.SimpleQueue()
        self._connections = [Connection(address) for _ in range(threads)]
        self._closed = False
        self.retries = 0
        for connection in self._connections:
            threading.Thread(
                target=self._run, args=(connection,), name="millrace requests", daemon=True
            ).start()

    def send(self, pending: Pending) -> None:
        """Sends a request as soon as a thread is free. ``pending.done`` is set when it is over."""
        self._queue.put(pending)

    def close(self) -> None:
        """Ends the threads, and the requests under way."""
        self._closed = True
        for connection in self._connections:
            self._queue.put(None)
            connection.interrupt()

    def close_in_child(self) -> None:
        """Closes the copies of the sockets that a forked process has."""
        self._closed = True
        for connection in self._connections:
            connection.close_in_child()

    def _run(self, connection: Connection) -> None:
        while (pending := self._queue.get()) is not None:
            try:
                reply = None if pending.cancelled else self._fetch(connection, pending)
                pending.settle(reply, None)
            except BaseException as error:  # noqa: BLE001 - the thread that waits raises it
                pending.settle(None, error)
        connection.close()

    def _fetch(self, connection: Connection, pending: Pending) -> Reply:
        def on_failure() -> bool:
            pending.abandon_slot()
            self.retries += 1
            return not (self._closed or pending.cancelled)

        return connection.request_patiently(
            pending.path, pending.headers, self._retry_seconds, on_failure
        )
