"""Shared memory with the server: slots that hold one batch each."""

from __future__ import annotations

import mmap
import os
import weakref
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np

PAGE_BYTES = 4096


@dataclass(frozen=True)
class Held:
    """A batch in a slot, for the message when slots run out."""

    place: str
    names: tuple[str, ...]


class SharedSlots:
    """A mapping of the server's memory, and which of its slots are free.

    A slot is free again when no array views it. The mapping lives as long as an array views any slot.
    """

    def __init__(self, memory: str, file: int, slots: int, slot_bytes: int) -> None:
        self.memory = memory
        self.slots = slots
        self.slot_bytes = slot_bytes
        # The memory belongs to the server; Python's resource tracker must not hear of it.
        self._map = mmap.mmap(file, slots * slot_bytes, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        self._free: deque[int] = deque(range(slots))
        self._views: dict[int, weakref.ref[np.ndarray]] = {}
        self._held: dict[int, Held] = {}
        #: Whether its slots must not be used any more: a request failed whose batch the server may still write, or the
        #: process has forked, and the other one may have arrays in them.
        self.retired = False
        _mappings.add(self)

    @property
    def free(self) -> int:
        """Number of free slots."""
        return len(self._free)

    def take(self) -> int | None:
        """Takes a free slot; ``None`` if there is none."""
        try:
            return None if self.retired else self._free.popleft()
        except IndexError:
            return None

    def give_back(self, slot: int) -> None:
        """Returns a slot that no array views."""
        self._held.pop(slot, None)
        self._free.append(slot)

    def view(self, slot: int, length: int) -> np.ndarray:
        """The first ``length`` bytes of a slot, uint8. The slot is given back when the last array over it is gone."""
        start = slot * self.slot_bytes
        root = np.frombuffer(memoryview(self._map)[start : start + length], dtype=np.uint8)
        self._views[slot] = weakref.ref(root, lambda _: self.give_back(slot))
        return root

    def note(self, slot: int, held: Held) -> None:
        """Remembers what a slot holds, if it is still viewed."""
        view = self._views.get(slot)
        if view is not None and view() is not None:
            self._held[slot] = held

    def held(self) -> list[Held]:
        """What the slots hold that are still viewed."""
        return list(self._held.values())


def map_slots(description: dict[str, Any], slots: int, slot_bytes: int) -> SharedSlots | None:
    """Maps the memory that a server has reserved; ``None`` where its process cannot be seen from here (another container)."""
    try:
        file = os.open(f"/proc/{description['pid']}/fd/{description['fd']}", os.O_RDWR)
    except OSError:
        return None
    try:
        found = os.fstat(file)
        expected = (description["device"], description["inode"], description["bytes"])
        if (found.st_dev, found.st_ino, found.st_size) != expected:
            return None
        return SharedSlots(description["memory"], file, slots, slot_bytes)
    finally:
        os.close(file)


_mappings: weakref.WeakSet[SharedSlots] = weakref.WeakSet()


def _retire_all() -> None:
    for mapping in list(_mappings):
        mapping.retired = True


# Afterwards both processes may view the same slots, and neither knows when the other one has finished.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_retire_all)
