"""The receipt of the batches that were delivered: the digest that a Node.js loader of the same rank computes."""

from __future__ import annotations

import base64
import struct
from collections import deque
from hashlib import sha256
from typing import Any

from ._description import Description
from ._position import Position

#: Version of the format of receipts, the same as in Node.js.
RECEIPT_VERSION = 2

_BLOCK_BATCHES = 256
_TRAIL_WORDS = 2**18
_MASK = 0xFFFFFFFF


class ReceiptChain:
    """A chained digest of batches, in order. The server sends a fold of each batch: 64 bits over epoch, number and sample indices.

    Folds are mixed into 128 bits, one after the other; behind each block the digest is the SHA-256 of the digest before and those.
    Where the batches do not follow one another, the block ends early and the new position is hashed too.
    """

    def __init__(self, rank: int, world_size: int, description: Description) -> None:
        self._layout = (rank, world_size, description.gradient_accumulation_steps)
        self._length = description.length
        self.load(None)

    def load(self, state: dict[str, Any] | None) -> None:
        """Continues the chain of a state; ``None`` begins a new one."""
        saved = state or {}
        names = ("rank", "worldSize", "gradientAccumulationSteps")
        self._base = state
        self._of: tuple[int, ...] | None = tuple(saved[name] for name in names) if state else None
        self._digest = bytes.fromhex(saved.get("digest", "00" * 32))
        self._pending = struct.unpack("<4I", bytes.fromhex(saved.get("pending", "00" * 16)))
        self._pending_batches: int = saved.get("pendingBatches", 0)
        self._batches: int = saved.get("batches", 0)
        self._epoch: int = saved.get("epoch", 0)
        self._batch: int = saved.get("batch", 0)
        self._ahead = {early["batch"]: _fold_of(early["fold"]) for early in saved.get("ahead", ())}
        self._left_out: set[int] = set()
        self._segments: list[dict[str, Any]] = []
        self._trail: deque[int] = deque(maxlen=_TRAIL_WORDS)

    def begin(self, position: Position) -> None:
        """A pass begins. The first batch of an epoch follows the last one of the epoch before."""
        if self._batch > 0 and self._batch == self._length:
            self.complete_epoch()
        follows = self._of == self._layout and (self._epoch, self._batch) == (position.epoch, position.batch)
        if follows and self._segments:
            return
        self._left_out = set()
        if not follows:
            self._ahead = {}
            self._left_out = set(position.ahead)
            if self._pending_batches > 0:
                self._end_block()
            place = struct.pack("<5d", *self._layout, position.epoch, position.batch)
            self._digest = sha256(self._digest + place).digest()
        rank, world_size, steps = self._layout
        self._segments.append(
            {
                "rank": rank,
                "worldSize": world_size,
                "gradientAccumulationSteps": steps,
                "epoch": position.epoch,
                "step": position.batch // steps,
                "microBatch": position.batch % steps,
                "batches": 0,
                "leftOut": sorted(self._left_out),
                "continued": follows,
            }
        )
        self._of = self._layout
        self._epoch, self._batch = position.epoch, position.batch
        self._pass_left_out()

    def deliver(self, fold: str) -> None:
        """The next batch was delivered, or skipped since all its samples failed."""
        self._append(*_fold_of(fold))
        self._pass_left_out()
        while self._batch in self._ahead:
            self._append(*self._ahead.pop(self._batch))
            self._pass_left_out()

    def complete_epoch(self) -> None:
        """The next batch is the first one of the next epoch."""
        self._epoch += 1
        self._batch = 0
        self._ahead = {}
        self._left_out = set()

    def state(self) -> dict[str, Any] | None:
        """The chain as a part of a loader's state; ``None`` before the first batch."""
        if self._of is None:
            return None
        rank, world_size, steps = self._of
        return {
            "digest": self._digest.hex(),
            "batches": self._batches,
            "pendingBatches": self._pending_batches,
            "pending": struct.pack("<4I", *self._pending).hex(),
            "ahead": [{"batch": batch, "fold": struct.pack("<2I", *fold).hex()} for batch, fold in self._ahead.items()],
            "rank": rank,
            "worldSize": world_size,
            "gradientAccumulationSteps": steps,
            "epoch": self._epoch,
            "batch": self._batch,
        }

    def receipt(self, description: Description) -> dict[str, Any]:
        """The receipt as plain JSON."""
        return {
            "millraceReceipt": RECEIPT_VERSION,
            "digest": (self._digest if self._pending_batches == 0 else self._block_digest()).hex(),
            "batches": self._batches,
            "identity": dict(description.identity),
            "base": self._base,
            "segments": [dict(segment) for segment in self._segments],
            **({"amendments": dict(description.amendments)} if description.amendments else {}),
            "trail": base64.b64encode(struct.pack(f"<{len(self._trail)}I", *self._trail)).decode("ascii"),
        }

    def _append(self, first: int, second: int) -> None:
        p0, p1, p2, p3 = self._pending
        self._pending = (
            ((p1 ^ first) * 0x9E3779B1) & _MASK,
            ((p2 ^ second ^ (p0 >> 15)) * 0x85EBCA77) & _MASK,
            (((p3 + first) * 0xC2B2AE3D) & _MASK) ^ (p1 >> 13),
            (((p0 + second) * 0x27D4EB2F) & _MASK) ^ (p2 >> 16),
        )
        self._pending_batches += 1
        self._batches += 1
        self._batch += 1
        self._segments[-1]["batches"] += 1
        self._trail.append(first)
        if self._pending_batches == _BLOCK_BATCHES:
            self._end_block()

    def _pass_left_out(self) -> None:
        while self._batch in self._left_out:
            self._left_out.remove(self._batch)
            self._batch += 1

    def _end_block(self) -> None:
        self._digest = self._block_digest()
        self._pending = (0, 0, 0, 0)
        self._pending_batches = 0

    def _block_digest(self) -> bytes:
        return sha256(self._digest + struct.pack("<4I", *self._pending)).digest()


def _fold_of(text: str) -> tuple[int, int]:
    first, second = struct.unpack("<2I", bytes.fromhex(text))
    return first, second
