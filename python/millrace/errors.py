"""Errors of the client. Each has a ``code``, which is stable, and ``where``, the place as fields."""

from __future__ import annotations

from typing import Any, Mapping, Sequence


class MillraceError(Exception):
    """The root of all errors of this package.

    Attributes:
        code: Stable name of the failure. Errors of the server keep the server's code: ``ERR_MILLRACE_SAMPLE``.
        where: Where it happened: sample index, file, field.
        causes: Messages of the errors underneath, the nearest first.
    """

    code = "ERR_MILLRACE"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        where: Mapping[str, Any] | None = None,
        causes: Sequence[str] = (),
    ) -> None:
        super().__init__("\n  because: ".join([message, *causes]))
        self.where = dict(where or {})
        self.causes = tuple(causes)
        if code is not None:
            self.code = code


class ConfigError(MillraceError):
    """An argument is wrong."""

    code = "ERR_MILLRACE_CONFIG"


class ServerError(MillraceError):
    """The server refused a request, or could not make a batch. ``code`` and ``where`` are those of the server."""


class ServerLostError(MillraceError):
    """The server does not answer: it was stopped or killed, or the connection is broken."""

    code = "ERR_MILLRACE_SERVER_LOST"


class SlotsExhaustedError(MillraceError):
    """All slots of shared memory hold batches whose tensors are still in use."""

    code = "ERR_MILLRACE_SLOTS_EXHAUSTED"


class StateMismatchError(MillraceError):
    """A saved state belongs to another dataset, sampler, option or version. ``where["field"]`` names it."""

    code = "ERR_MILLRACE_STATE_MISMATCH"


class FormatError(MillraceError):
    """The bytes of a batch are damaged, or of a version that this package does not read."""

    code = "ERR_MILLRACE_FORMAT"
