"""What the server says about a loader."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping


@dataclass(frozen=True)
class Description:
    """A loader, as the server describes it for one rank: see docs/wire.md."""

    name: str
    fingerprint: str
    #: Batches of a rank per epoch, micro-batches counted; ``None`` if unknown.
    length: int | None
    gradient_accumulation_steps: int
    #: Why all batches must come from one server; ``None`` if any server can make any batch.
    bound: str | None
    seed: int
    #: What a saved state must match.
    identity: Mapping[str, Any]
    #: The amendments of the run, as states record them; empty without any.
    amendments: Mapping[str, Any]
    #: Id of the server that said so.
    server: str


def read_description(value: Mapping[str, Any], server: str) -> Description:
    """Reads the JSON of ``GET /v1/loaders/NAME``."""
    return Description(
        name=value["name"],
        fingerprint=value["fingerprint"],
        length=value["length"],
        gradient_accumulation_steps=value["gradientAccumulationSteps"],
        bound=value["bound"],
        seed=value["seed"],
        identity=value["identity"],
        amendments=value.get("amendments", {}),
        server=server,
    )
