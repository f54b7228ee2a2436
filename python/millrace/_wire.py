"""Reads a batch: the layout of safetensors, with the structure of the batch in the metadata. See docs/wire.md."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import FormatError

WIRE_VERSION = 1

_DTYPES = {
    "BOOL": np.dtype(np.bool_),
    "U8": np.dtype("<u1"),
    "I8": np.dtype("<i1"),
    "U16": np.dtype("<u2"),
    "I16": np.dtype("<i2"),
    "U32": np.dtype("<u4"),
    "I32": np.dtype("<i4"),
    "U64": np.dtype("<u8"),
    "I64": np.dtype("<i8"),
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
}


@dataclass(frozen=True)
class Samples:
    """The samples of a batch.

    Attributes:
        indices: Shape ``[B]``, int64: their numbers in the dataset.
        positions: Shape ``[B]``, int64: their positions in the epoch's order over all ranks.
    """

    indices: np.ndarray
    positions: np.ndarray


@dataclass(frozen=True)
class WireBatch:
    """A batch as numpy arrays over the bytes that were received, without a copy."""

    epoch: int
    step: int
    micro_batch: int
    value: Any
    names: tuple[str, ...]
    samples: Samples | None
    #: Where each sample comes from, if the configuration has ``provenance``.
    origin: list[dict[str, Any]] | None


def decode(buffer: np.ndarray) -> WireBatch:
    """Reads a batch from its bytes. The arrays share the memory of ``buffer``, shape ``[bytes]``, uint8.

    Raises:
        FormatError: for bytes that are not a batch of this version.
    """
    try:
        return _decode(buffer)
    except (ValueError, KeyError, TypeError, IndexError) as cause:
        raise FormatError(f"The server sent bytes that are not a batch: {cause}.") from cause


def _decode(buffer: np.ndarray) -> WireBatch:
    length = int.from_bytes(buffer[:8].tobytes(), "little")
    if 8 + length > buffer.nbytes:
        raise ValueError(f"a header of {length} bytes in {buffer.nbytes}")
    header = json.loads(buffer[8 : 8 + length].tobytes())
    description = json.loads(header.pop("__metadata__")["millrace"])
    if description["wire"] != WIRE_VERSION:
        raise ValueError(f"version {description['wire']} of the protocol, this package reads {WIRE_VERSION}")
    data = buffer[8 + length :]
    tensors = {name: _tensor(data, name, entry) for name, entry in header.items()}
    return WireBatch(
        epoch=description["epoch"],
        step=description["step"],
        micro_batch=description["microBatch"],
        value=_value(description["batch"], tensors),
        names=tuple(tensors),
        samples=_samples(description, tensors),
        origin=description.get("origin"),
    )


def _tensor(data: np.ndarray, name: str, entry: dict[str, Any]) -> np.ndarray:
    start, end = entry["data_offsets"]
    dtype = _DTYPES.get(entry["dtype"])
    if dtype is None:
        raise ValueError(f"tensor {name} has the unknown dtype {entry['dtype']}")
    if not 0 <= start <= end <= data.nbytes:
        raise ValueError(f"tensor {name} has bytes {start} to {end} of {data.nbytes}")
    return data[start:end].view(dtype).reshape(entry["shape"])


def _samples(description: dict[str, Any], tensors: dict[str, np.ndarray]) -> Samples | None:
    positions = description.get("samples")
    if positions is None:
        return None
    indices = tensors["#indices"]
    return Samples(indices, positions["start"] + positions["step"] * np.arange(len(indices), dtype=np.int64))


def _value(node: dict[str, Any], tensors: dict[str, np.ndarray]) -> Any:
    ((kind, content),) = node.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "record":
        return {key: _value(child, tensors) for key, child in content.items()}
    if kind == "list":
        return [_value(child, tensors) for child in content]
    if kind == "text":
        return [part.decode("utf-8") for part in _parts(content, tensors)]
    if kind == "bytes":
        return list(_parts(content, tensors))
    if kind == "value":
        return content
    raise ValueError(f"an unknown node {kind}")


def _parts(name: str, tensors: dict[str, np.ndarray]) -> list[bytes]:
    data = tensors[name].tobytes()
    offsets = tensors[f"{name}#offsets"].tolist()
    return [data[start:end] for start, end in zip(offsets, offsets[1:])]
