"""The way from a server to a loader: requests, the session, shared memory."""

from __future__ import annotations

import gc
import json
import os
import socket
import sys
import time
import uuid
import weakref
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from ._connection import Address, Connection, Reply
from ._description import Description, read_description
from ._memory import PAGE_BYTES, Held, SharedSlots, map_slots
from ._requests import Pending, Requests
from ._session import Session
from ._wire import WireBatch, decode
from .errors import ConfigError, ServerError, SlotsExhaustedError

#: How much larger a slot is than the batch it was made for: later ragged batches are often a little larger.
_HEADROOM = 1.25


@dataclass(frozen=True)
class Settings:
    """What a loader asks for, and how."""

    loader: str
    rank: int
    world_size: int
    in_flight: int
    slots: int
    shared_memory: bool | None
    wants_samples: bool
    retry_seconds: float
    timeout: float


class Transport:
    """Requests batches by address and receives them.

    Attributes:
        generation: Changes when the process has forked: then no earlier request is under way.
    """

    def __init__(self, address: Address, settings: Settings) -> None:
        self.settings = settings
        self._address = address
        self._path = f"/v1/loaders/{quote(settings.loader, safe='')}"
        self._query = f"?rank={settings.rank}&world={settings.world_size}"
        self._shares = _may_share(address, settings.shared_memory)
        self._counts = {"batches": 0, "bytes": 0, "wait_seconds": 0.0, "shared": 0, "socket": 0}
        self._retries = 0
        self._memory: SharedSlots | None = None
        self._memory_session = -1
        self.generation = 0
        with_retries = Connection(address)
        reply = with_retries.request_patiently(self._path + self._query, dict, settings.retry_seconds)
        with_retries.close()
        self.description: Description = read_description(reply.json(), reply.server)
        self._open()
        _transports.add(self)

    def _open(self) -> None:
        settings = self.settings
        self._process = os.getpid()
        self._client = uuid.uuid4().hex
        name = {"Millrace-Client-Name": f"process {self._process} on {_host_name()}"}
        self._headers = {
            **name,
            "Millrace-Client": self._client,
            "Millrace-Fingerprint": self.description.fingerprint,
            "Millrace-Server": self.description.server,
        }
        self._session = Session(
            self._address,
            self._client,
            name,
            retry_seconds=settings.retry_seconds,
            timeout=settings.timeout,
        )
        self._requests = Requests(self._address, settings.in_flight, settings.retry_seconds)

    def revive(self) -> None:
        """Begins another session, if the server was lost: it may have been started again."""
        self.check_process()
        if self._session.lost is not None:
            self.close()
            self._open()
            self.generation += 1

    def check_process(self) -> int:
        """Connects again in a forked process. Returns the generation."""
        if os.getpid() != self._process:
            self._memory = None
            self._open()
            self.generation += 1
        return self.generation

    def request(self, epoch: int, number: int, *, may_wait: bool) -> Pending | None:
        """Sends a request for a batch. ``None`` if there is no free slot, and ``may_wait``.

        Raises:
            SlotsExhaustedError: if there is no free slot, and nothing to wait for.
        """
        memory = self._usable_memory()
        slot = None if memory is None else memory.take()
        if memory is not None and slot is None:
            if may_wait:
                return None
            # Tensors in reference cycles are free, and not freed yet.
            gc.collect()
            slot = memory.take()
            if slot is None:
                raise _exhausted(memory)
        step, micro = divmod(number, self.description.gradient_accumulation_steps)
        samples = "&samples=1" if self.settings.wants_samples else ""
        path = f"{self._path}/{epoch}/{step}/{micro}{self._query}{samples}"
        pending = Pending(path, number, self._headers, memory if slot is not None else None, slot)
        self._requests.send(pending)
        return pending

    def receive(self, pending: Pending) -> WireBatch | Literal["end", "skipped"]:
        """Waits for a batch.

        Raises:
            ServerLostError: if the server ends or is silent meanwhile.
            ServerError: if it could not make the batch.
        """
        began = time.perf_counter()
        while not pending.done.wait(0.05):
            if self._session.lost is not None and not pending.done.is_set():
                raise self._session.lost
        self._counts["wait_seconds"] += time.perf_counter() - began
        if pending.error is not None:
            raise pending.error
        reply = pending.reply
        assert reply is not None
        self._check_server(reply)
        if reply.status == 204:
            return "skipped" if reply.headers.get("Millrace-Outcome") == "skipped" else "end"
        return self._batch_of(reply, pending)

    def _batch_of(self, reply: Reply, pending: Pending) -> WireBatch:
        length = reply.headers.get("Millrace-Slot-Bytes")
        taken = pending.take_slot()
        if length is not None and taken is not None:
            memory, slot = taken
            batch = decode(memory.view(slot, int(length)))
            memory.note(slot, Held(f"epoch {batch.epoch} step {batch.step}.{batch.micro_batch}", batch.names))
            self._count("shared", int(length))
            return batch
        batch = decode(reply.body)
        self._count("socket", reply.body.nbytes)
        if self._shares:
            self._reserve(reply.body.nbytes)
        return batch

    def _count(self, way: str, length: int) -> None:
        self._counts[way] += 1
        self._counts["batches"] += 1
        self._counts["bytes"] += length

    def _usable_memory(self) -> SharedSlots | None:
        memory = self._memory
        if memory is None or memory.retired or self._memory_session != self._session.generation:
            return None
        return memory

    def _reserve(self, batch_bytes: int) -> None:
        """Reserves memory for batches of this size, unless there is some."""
        memory = self._usable_memory()
        if memory is not None and memory.slot_bytes >= batch_bytes:
            return
        if not self._session.wait_open():
            return
        generation = self._session.generation
        slot_bytes = -(-int(batch_bytes * _HEADROOM) // PAGE_BYTES) * PAGE_BYTES
        path = f"/v1/clients/{self._client}/memory"
        body = json.dumps({"slots": self.settings.slots, "slotBytes": slot_bytes})
        connection = Connection(self._address)
        try:
            description = connection.request(path, self._address.headers, "POST", body).json()
            mapped = map_slots(description, self.settings.slots, slot_bytes)
            if mapped is None:
                connection.request(f"{path}/{description['memory']}", {}, "DELETE")
                self._refuse_sharing()
                return
            if self._memory is not None and self._memory_session == generation:
                connection.request(f"{path}/{self._memory.memory}", {}, "DELETE")
        except OSError:
            # The server has gone: the next request says so.
            return
        finally:
            connection.close()
        self._memory = mapped
        self._memory_session = generation

    def _refuse_sharing(self) -> None:
        self._shares = False
        if self.settings.shared_memory:
            raise ConfigError(
                "shared_memory=True, but the server's process cannot be seen from here: it runs in another container or on "
                "another machine. Share the PID namespace, or leave shared_memory out."
            )

    def _check_server(self, reply: Reply) -> None:
        bound = self.description.bound
        if bound is not None and reply.server != self.description.server:
            raise ServerError(
                f"{self.description.name} must come from one server, because {bound}, and another one has answered.",
                code="ERR_MILLRACE_SERVE_BOUND",
                where={"loader": self.description.name},
            )

    def stats(self) -> dict[str, Any]:
        """See ``Loader.stats``."""
        memory = self._usable_memory()
        return {
            **self._counts,
            "retries": self._retries + self._requests.retries,
            "slots": 0 if memory is None else memory.slots,
            "free_slots": 0 if memory is None else memory.free,
            "server": self.description.server,
        }

    def close(self) -> None:
        """Ends the session."""
        if os.getpid() != self._process:
            return
        self._retries += self._requests.retries
        self._requests.close()
        self._session.close()

    def close_in_child(self) -> None:
        """Closes the sockets of the parent in a forked process."""
        self._requests.close_in_child()
        self._session.close_in_child()


def _host_name() -> str:
    """The name of this machine, in characters that a header may have."""
    return socket.gethostname().encode("ascii", "replace").decode("ascii")


def _may_share(address: Address, wanted: bool | None) -> bool:
    can = address.is_local and sys.platform == "linux"
    if wanted and not can:
        raise ConfigError("shared_memory=True needs a unix socket and Linux. Leave it out, or use unix:PATH.")
    return can and wanted is not False


def _exhausted(memory: SharedSlots) -> SlotsExhaustedError:
    held = memory.held()
    shown = "; ".join(f"{batch.place} ({', '.join(batch.names)})" for batch in held[:8])
    more = f"; and {len(held) - 8} more" if len(held) > 8 else ""
    return SlotsExhaustedError(
        f"All {memory.slots} slots of shared memory hold batches whose tensors are still in use: {shown}{more}. Something keeps "
        "them, such as a list of batches, or a loss with its graph. Keep copies (tensor.clone()), or pass a larger slots=... to the loader.",
        where={"slots": memory.slots},
    )


_transports: weakref.WeakSet[Transport] = weakref.WeakSet()


def _close_in_child() -> None:
    for transport in list(_transports):
        transport.close_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_child)
