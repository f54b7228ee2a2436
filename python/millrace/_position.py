"""Where a loader stands, and its state as plain JSON: the state of a Node.js loader."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping

from ._description import Description
from .errors import ConfigError, StateMismatchError

#: Version of the format of states, the same as in Node.js.
STATE_VERSION = 3

_NUMBERS = ("epoch", "step", "microBatch", "gradientAccumulationSteps")


@dataclass
class Position:
    """The next batch: its epoch, and its number in it, micro-batches counted."""

    epoch: int
    batch: int
    #: Later batches of the epoch that were delivered before.
    ahead: frozenset[int] = field(default_factory=frozenset)

    def state(self, description: Description, receipt: dict[str, Any] | None) -> dict[str, Any]:
        """The position and the chain of its receipt as JSON. The end of an epoch is the start of the next one."""
        epoch, batch, steps = self.epoch, self.batch, description.gradient_accumulation_steps
        if description.length is not None and 0 < description.length <= batch:
            epoch, batch = epoch + 1, 0
        return {
            "version": STATE_VERSION,
            "epoch": epoch,
            "step": batch // steps,
            "microBatch": batch % steps,
            "gradientAccumulationSteps": steps,
            "ahead": sorted(number for number in self.ahead if number >= batch and epoch == self.epoch),
            "streams": None,
            "receipt": receipt,
            "samplerState": None,
            **description.identity,
            **({"amendments": dict(description.amendments)} if description.amendments else {}),
        }


def check_state(state: dict[str, Any], description: Description) -> Position:
    """Reads a state.

    Raises:
        ConfigError: if it is not the state of a loader.
        StateMismatchError: naming the first field that differs from that of the loader.
    """
    if not isinstance(state, dict) or any(not isinstance(state.get(name), int) for name in ("version", *_NUMBERS)):
        raise ConfigError("This is not the state of a loader: it is a dict with version, epoch, step and more.")
    if state["version"] != STATE_VERSION:
        raise _differs("version", state["version"], STATE_VERSION)
    for name, value in description.identity.items():
        if state.get(name) != value:
            raise _differs(name, state.get(name), value)
    _check_amendments(state, description)
    steps, saved = description.gradient_accumulation_steps, state["gradientAccumulationSteps"]

    def converted(batch: int) -> int:
        number: int = batch * steps // saved
        if number * saved != batch * steps:
            raise StateMismatchError(
                f"The state was saved after {state['microBatch']} of {saved} micro-batches of step {state['step']}; with {steps} "
                "micro-batches per step there is no boundary at that sample. Save states between steps.",
                where={"field": "gradientAccumulationSteps"},
            )
        return number

    ahead = frozenset(converted(batch) for batch in state.get("ahead") or [])
    return Position(state["epoch"], converted(state["step"] * saved + state["microBatch"]), ahead)


def _check_amendments(state: dict[str, Any], description: Description) -> None:
    """Later amendments may differ. The global step of a state is at least its epoch and step, since no epoch is empty."""
    place = state["epoch"] + state["step"]

    def past(amendments: Mapping[str, Any]) -> dict[str, Any]:
        return {kind: [change for change in changes if change[0] < place] for kind, changes in amendments.items()}

    saved, own = past(state.get("amendments") or {}), past(description.amendments)
    for kind in sorted({*saved, *own}):
        if saved.get(kind, []) != own.get(kind, []):
            raise _differs(f"amendments of {kind}", saved.get(kind, []), own.get(kind, []))


def _differs(name: str, saved: Any, own: Any) -> StateMismatchError:
    return StateMismatchError(
        f"The state belongs to another loader: its {name} is {saved!r}, and that of this loader {own!r}. "
        "Serve the configuration and the data of the saved run.",
        where={"field": name},
    )
