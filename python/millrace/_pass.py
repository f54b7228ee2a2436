"""One iteration over a loader."""

from __future__ import annotations

from collections import deque
from typing import Any, Callable

from ._position import Position
from ._receipt import ReceiptChain
from ._requests import Pending
from ._transport import Transport
from ._wire import WireBatch
from .errors import FormatError


class Pass:
    """Gives the batches of an epoch from a position on, with several requests in flight.

    Attributes:
        position: The position of the next batch. It advances with the pass.
        is_left: Whether batches were given, and the epoch has not ended.
    """

    def __init__(
        self,
        transport: Transport,
        position: Position,
        deliver: Callable[[WireBatch], Any],
        receipt: ReceiptChain,
    ) -> None:
        transport.revive()
        self.position = position
        self.is_left = False
        self._transport = transport
        self._deliver = deliver
        self._receipt = receipt
        self._has_begun = False
        self._generation = transport.generation
        self._under_way: deque[Pending] = deque()
        self._next = position.batch
        self._is_over = False

    def __iter__(self) -> Pass:
        return self

    def __next__(self) -> Any:
        if self._is_over:
            raise StopIteration
        try:
            while True:
                self._request_more()
                if not self._under_way:
                    self._complete()
                pending = self._under_way.popleft()
                batch = self._transport.receive(pending)
                if batch == "end":
                    self._complete()
                if isinstance(batch, WireBatch):
                    self._check(batch, pending.number)
                    value = self._deliver(batch)
                    self._advance(pending)
                    self.is_left = True
                    return value
                self._advance(pending)
        except StopIteration:
            raise
        except BaseException:
            # The next iteration continues with this batch.
            self.end()
            self.is_left = False
            raise

    def end(self) -> None:
        """Ends the pass before its last batch."""
        self._is_over = True
        while self._under_way:
            self._under_way.popleft().cancel()

    def _request_more(self) -> None:
        transport = self._transport
        if transport.check_process() != self._generation:
            # A forked process has its own connections: what the other one asked for is not here.
            self._generation = transport.generation
            self._under_way.clear()
            self._next = self.position.batch
        length = transport.description.length
        while len(self._under_way) < transport.settings.in_flight:
            while self._next in self.position.ahead:
                self._next += 1
            if length is not None and self._next >= length:
                return
            pending = transport.request(self.position.epoch, self._next, may_wait=bool(self._under_way))
            if pending is None:
                return
            self._under_way.append(pending)
            self._next += 1

    def _advance(self, pending: Pending) -> None:
        """Counts a batch as delivered. Bound loaders have no folds, and no receipt."""
        if not self._has_begun:
            self._has_begun = True
            self._receipt.begin(self.position)
        if pending.fold is not None:
            self._receipt.deliver(pending.fold)
        self.position.batch = pending.number + 1
        while self.position.batch in self.position.ahead:
            self.position.batch += 1

    def _complete(self) -> None:
        self.end()
        self.is_left = False
        if self._has_begun:
            self._receipt.complete_epoch()
        self.position.epoch += 1
        self.position.batch = 0
        self.position.ahead = frozenset()
        raise StopIteration

    def _check(self, batch: WireBatch, number: int) -> None:
        steps = self._transport.description.gradient_accumulation_steps
        expected = (self.position.epoch, *divmod(number, steps))
        found = (batch.epoch, batch.step, batch.micro_batch)
        if found != expected:
            raise FormatError(f"The server sent the batch {found}, and not {expected} (epoch, step, micro-batch).")
