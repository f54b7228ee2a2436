"""The loader: an iterable of batches that a server makes."""

from __future__ import annotations

import ssl
from typing import Any, Callable, Iterator

from ._connection import parse_address
from ._output import converter
from ._pass import Pass
from ._position import Position, check_state
from ._receipt import ReceiptChain
from ._transport import Settings, Transport
from .errors import ConfigError, ServerError
from .launcher import detect_rank
from .transform import Transform, TransformFunction


class Loader:
    """Batches of a loader of ``millrace serve``, one epoch an iteration. It stands where a PyTorch ``DataLoader`` stands.

    A batch has the structure that the loader's collate gives it: usually a dict of tensors. Iterating begins with epoch 0;
    the next iteration is the next epoch. Leaving an iteration early gives the rest of its epoch up.

    Args:
        address: ``unix:PATH`` or ``HOST:PORT``.
        loader: Name of the loader.
        output: ``"torch"``, ``"numpy"`` or ``"jax"``: what tensors become.
        rank: The part of each global batch for this process. Default: of ``torch.distributed`` or the launcher.
        world_size: Processes that share each global batch. Default: likewise.
        in_flight: Requests for batches that are under way at once, 1 to 16.
        transform: Called with each sample of a batch and its context, before the batch is given: see :mod:`millrace.transform`.
        pin_memory: Whether torch tensors are copied to page-locked memory, where there is CUDA.
        shared_memory: Whether batches come through shared memory instead of the socket. ``None``: over a unix socket on Linux.
        slots: Batches that shared memory holds: those in flight, and those whose tensors the trainer has at a time.
        token: The server's token. Default: the environment variable ``MILLRACE_TOKEN``.
        tls: Whether to use TLS over TCP, or a context for it.
        retry_seconds: How long to go on asking when the server cannot be reached.
        timeout: How long the server may give no sign of life, in seconds.

    Raises:
        ConfigError: for a wrong argument.
        ServerLostError: if there is no server at the address.
        ServerError: if the server has no such loader, or refuses the rank.
    """

    def __init__(
        self,
        address: str,
        loader: str = "train",
        output: str = "torch",
        *,
        rank: int | None = None,
        world_size: int | None = None,
        in_flight: int = 4,
        transform: TransformFunction | None = None,
        pin_memory: bool = False,
        shared_memory: bool | None = None,
        slots: int | None = None,
        token: str | None = None,
        tls: bool | ssl.SSLContext = False,
        retry_seconds: float = 0.5,
        timeout: float = 30.0,
    ) -> None:
        if (rank is None) != (world_size is None):
            raise ConfigError("rank and world_size go together: pass both, or neither.")
        if not 1 <= in_flight <= 16:
            raise ConfigError(f"in_flight must be 1 to 16, not {in_flight}.")
        if slots is not None and slots < in_flight + 1:
            raise ConfigError(f"slots must be more than in_flight, {in_flight}, not {slots}.")
        if rank is None or world_size is None:
            rank, world_size = detect_rank()
        self._convert: Callable[[Any], Any] = converter(output, pin_memory)
        parsed = parse_address(address, token, tls)
        settings = Settings(
            loader=loader,
            rank=rank,
            world_size=world_size,
            in_flight=in_flight,
            slots=slots if slots is not None else in_flight + 4,
            shared_memory=shared_memory,
            wants_samples=transform is not None,
            retry_seconds=retry_seconds,
            timeout=timeout,
        )
        self._transport = Transport(parsed, settings)
        self._description = self._transport.description
        self._transform = None if transform is None else Transform(transform, self._description.seed)
        self._position = Position(0, 0)
        self._receipt = ReceiptChain(rank, world_size, self._description)
        self._pass: Pass | None = None
        self._origin: list[dict[str, Any]] | None = None
        self.rank = rank
        self.world_size = world_size

    @property
    def origin(self) -> list[dict[str, Any]] | None:
        """Where each sample of the last batch comes from: ``source``, ``index``, ``pass``, ``tokens`` and perhaps ``documents``.

        ``None`` before the first batch, and without ``provenance`` in the configuration.
        """
        return self._origin

    @property
    def epoch(self) -> int:
        """The current epoch, or the epoch of the next iteration."""
        return self._position.epoch

    @property
    def batch_size(self) -> int | None:
        """The most samples of a batch of this rank; ``None`` if batches have no common size."""
        size = self._description.identity.get("batchSize")
        parts = self.world_size * self._description.gradient_accumulation_steps
        return None if size is None else -(-size // parts)

    @property
    def gradient_accumulation_steps(self) -> int:
        """Batches (micro-batches) of a step of the optimizer."""
        return self._description.gradient_accumulation_steps

    def __len__(self) -> int:
        """Batches of this rank per epoch, micro-batches counted.

        Raises:
            TypeError: for a stream, whose length is known only by reading.
        """
        length = self._description.length
        if length is None:
            raise TypeError(f"The length of {self._description.name} is not known before it is read")
        return length

    def __iter__(self) -> Iterator[Any]:
        """Iterates over the epoch, from where :meth:`set_epoch` or :meth:`load_state_dict` point."""
        if self._pass is not None:
            self._pass.end()
            # An epoch that was begun and left is over.
            if self._position is self._pass.position and self._pass.is_left:
                self._position = Position(self._position.epoch + 1, 0)
        self._pass = Pass(self._transport, self._position, self._deliver, self._receipt)
        self._position = self._pass.position
        return self._pass

    def set_epoch(self, epoch: int) -> None:
        """Makes the next iteration the epoch ``epoch``, from its first batch.

        After :meth:`load_state_dict` with a state of the same epoch, its position stays: a loop that calls ``set_epoch`` before
        each epoch resumes where it was.
        """
        if epoch < 0:
            raise ConfigError(f"An epoch is a whole number of 0 or more, not {epoch}.")
        is_untouched = self._pass is None or self._pass.position is not self._position
        if epoch == self._position.epoch and is_untouched:
            return
        self._move(Position(epoch, 0))

    def state_dict(self) -> dict[str, Any]:
        """The position after the last batch that the trainer received, as plain JSON. A Node.js loader can load it, too."""
        is_bound = self._description.bound is not None
        return self._position.state(self._description, None if is_bound else self._receipt.state())

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continues from a saved state, with any rank and world size: no batch is lost or repeated.

        Raises:
            StateMismatchError: if the state belongs to another dataset, sampler, seed or batch size.
        """
        self._move(check_state(state, self._description))
        self._receipt.load(None if self._description.bound is not None else state.get("receipt"))

    def receipt(self) -> dict[str, Any]:
        """The receipt of the batches that this rank delivered, as plain JSON with a SHA-256 digest: the receipt of a Node.js loader.

        ``millrace verify --receipt`` recomputes it from the configuration. The server says which samples each batch has.

        Raises:
            ServerError: for a bound loader, whose order cannot be recomputed.
        """
        if self._description.bound is not None:
            raise ServerError(
                f"{self._description.name} has no receipt: {self._description.bound}.",
                code="ERR_MILLRACE_CAPABILITY",
                where={"loader": self._description.name},
            )
        return self._receipt.receipt(self._description)

    def stats(self) -> dict[str, Any]:
        """Counts since the loader was made.

        ``batches``, ``bytes``, ``wait_seconds`` (that the trainer has waited), ``shared`` and ``socket`` (batches by the way they
        came), ``retries``, ``slots`` and ``free_slots`` of shared memory, ``server`` (its id).
        """
        return self._transport.stats()

    def close(self) -> None:
        """Ends the session with the server. Tensors stay valid."""
        if self._pass is not None:
            self._pass.end()
        self._transport.close()

    def __enter__(self) -> Loader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        transport = getattr(self, "_transport", None)
        if transport is not None:
            transport.close()

    def _move(self, position: Position) -> None:
        if self._pass is not None:
            self._pass.end()
            self._pass = None
        self._position = position

    def _deliver(self, batch: Any) -> Any:
        value = batch.value
        self._origin = batch.origin
        if self._transform is not None:
            value = self._transform.apply(value, batch)
        return self._convert(value)
