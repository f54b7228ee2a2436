"""A transform in Python, applied by the client to each sample of a batch.

Prefer a transform in the configuration: it runs in the workers of the server. This one runs in the training process, for code that
exists in Python only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable

import numpy as np

from ._wire import WireBatch
from .errors import ConfigError, FormatError
from .random import sample_generator


@dataclass
class SampleContext:
    """What a transform knows about its sample.

    Attributes:
        index: Number of the sample in the dataset.
        position: Its position in the epoch's order over all ranks.
        epoch: The epoch.
        seed: Seed of the loader.
    """

    index: int
    position: int
    epoch: int
    seed: int
    _rng: np.random.Generator | None = field(default=None, repr=False)

    @property
    def rng(self) -> np.random.Generator:
        """Random numbers of this draw of the sample: the same on any rank, in any process, after any restart."""
        if self._rng is None:
            self._rng = sample_generator(self.seed, self.epoch, self.position, self.index)
        return self._rng


#: Takes a sample (its fields as numpy arrays, numpy numbers and strings) and its context, and returns a sample.
TransformFunction = Callable[[Any, SampleContext], Any]


class Transform:
    """Takes a batch apart, transforms each sample, and collates the samples again."""

    def __init__(self, function: TransformFunction, seed: int) -> None:
        self._function = function
        self._seed = seed

    def apply(self, value: Any, batch: WireBatch) -> Any:
        """Transforms the samples of a batch.

        Raises:
            ConfigError: if the transform returns samples that do not fit together, naming the field.
        """
        samples = batch.samples
        if samples is None:
            raise FormatError("The server did not say which samples the batch has.")
        transformed = [
            self._function(
                _row(value, i, len(samples.indices)),
                SampleContext(int(samples.indices[i]), int(samples.positions[i]), batch.epoch, self._seed),
            )
            for i in range(len(samples.indices))
        ]
        return collate(transformed)


def _row(value: Any, i: int, count: int) -> Any:
    if isinstance(value, np.ndarray):
        if value.ndim == 0 or len(value) != count:
            raise ConfigError(f"A tensor of shape {list(value.shape)} does not have a row for each of {count} samples.")
        return value[i]
    if isinstance(value, dict):
        return {key: _row(child, i, count) for key, child in value.items()}
    if isinstance(value, list):
        return value[i] if _is_column(value, count) else [_row(child, i, count) for child in value]
    return value


def _is_column(values: list[Any], count: int) -> bool:
    """Whether a list has an entry for each sample, and is not a tuple of columns."""
    if len(values) != count:
        return False
    if all(isinstance(value, (str, bytes)) for value in values):
        return True
    return not all(isinstance(value, np.ndarray) and value.ndim > 0 and len(value) == count for value in values)


def collate(samples: list[Any], path: str = "") -> Any:
    """Combines samples of one structure: arrays and numbers are stacked along a new first dimension, strings become lists.

    Raises:
        ConfigError: if the samples do not have the same structure, shapes and dtypes, naming the field.
    """
    first = samples[0]
    if isinstance(first, dict):
        for sample in samples:
            if not isinstance(sample, dict) or sample.keys() != first.keys():
                raise _misfit(path, "fields that only some of them have")
        return {key: collate([sample[key] for sample in samples], f"{path}.{key}".lstrip(".")) for key in first}
    if isinstance(first, (list, tuple)):
        if any(not isinstance(sample, (list, tuple)) or len(sample) != len(first) for sample in samples):
            raise _misfit(path, "tuples of different lengths")
        return [collate([sample[k] for sample in samples], f"{path}.{k}".lstrip(".")) for k in range(len(first))]
    if isinstance(first, (str, bytes)) or first is None:
        return samples
    arrays = [_array(sample) for sample in samples]
    if any(array.shape != arrays[0].shape for array in arrays):
        raise _misfit(path, f"shapes {sorted({tuple(array.shape) for array in arrays})}: pad or crop them to one")
    if any(array.dtype != arrays[0].dtype for array in arrays):
        raise _misfit(path, f"dtypes {sorted({str(array.dtype) for array in arrays})}")
    if arrays[0].dtype == object:
        raise _misfit(path, f"values of type {type(first).__name__}")
    return np.stack(arrays)


def _array(value: Any) -> np.ndarray:
    """An array of a number, array or torch tensor."""
    return value.numpy() if hasattr(value, "numpy") else np.asarray(value)


def _misfit(path: str, what: str) -> ConfigError:
    return ConfigError(f"The samples that the transform returned have, at {path or 'the sample itself'}, {what}.")
