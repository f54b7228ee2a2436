"""The orders of Millrace without a server, for Python datasets: the same indices as in Node.js.

Each order is a function of its options: any position of a run is computed, on any rank, with no state.

>>> from millrace import order
>>> order.shuffled(10, seed=1, epoch=0)           # the epoch of shuffle: true
>>> order.Mixture([1000, 200], weights=[0.7, 0.3]).at(epoch=0)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Mapping, Sequence

import numpy as np

from ._apportionment import Apportionment
from ._permutation import Passes, Permutation, order_key
from ._schedules import changes_of, open_schedule
from .errors import ConfigError

__all__ = ["Curriculum", "Mixture", "MixtureDraws", "Permutation", "order_key", "share", "shuffled"]


def shuffled(
    samples: int, *, seed: int = 0, epoch: int = 0, length: int | None = None, start: int = 0, count: int | None = None
) -> np.ndarray:
    """The order of an epoch of ``shuffle: true``, or of a ``RandomSampler`` with ``numSamples: length``.

    Args:
        samples: Samples of the dataset.
        start: The first position.
        count: How many positions. Default: to the end of the epoch.

    Returns:
        Shape ``[count]``, int64: the indices at positions ``start``, ``start + 1``, ….
    """
    length = samples if length is None else length
    count = length - start if count is None else count
    if not 0 <= start <= start + count <= length:
        raise IndexError(f"positions {start} to {start + count} of an epoch of {length}")
    passes = Passes(samples, lambda number: order_key(seed, epoch, f"pass {number}"))
    return passes.at(np.arange(start, start + count, dtype=np.int64))


def share(
    global_batch: np.ndarray,
    *,
    rank: int = 0,
    world_size: int = 1,
    micro_batch: int = 0,
    gradient_accumulation_steps: int = 1,
) -> np.ndarray:
    """The part of a global batch that one rank takes in one micro-batch, as the loader cuts it."""
    micro = _part(global_batch, micro_batch, gradient_accumulation_steps)
    return _part(micro, rank, world_size)


@dataclass(frozen=True)
class MixtureDraws:
    """Samples of a mixture.

    Attributes:
        source: Shape ``[n]``, int64: the source of each.
        index: Shape ``[n]``, int64: its index in the source.
        epoch: Shape ``[n]``, int64: complete passes over the source before.
    """

    source: np.ndarray
    index: np.ndarray
    epoch: np.ndarray


class Mixture:
    """Several sources mixed by weight: ``MixtureDataset`` of the Node.js package.

    Args:
        lengths: Samples of each source.
        weights: The weight of each source. Pass either ``weights`` or ``schedule``.
        schedule: ``(global step, weights)`` from that step on; the first begins at 0. Needs ``batch_size``.
        batch_size: Samples per global batch.
        length: Samples per epoch. Default: the sum of the lengths.
        seed: Fixes the order of every source.
        shuffle: Whether each pass over a source has its own random order.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        *,
        weights: Sequence[float] | None = None,
        schedule: Sequence[tuple[int, Sequence[float]]] | None = None,
        batch_size: int | None = None,
        length: int | None = None,
        seed: int = 0,
        shuffle: bool = True,
    ) -> None:
        if (weights is None) == (schedule is None):
            raise ConfigError("A mixture needs either weights or a schedule.")
        if schedule is not None and batch_size is None:
            raise ConfigError("batch_size is missing: a schedule counts its steps in global batches.")
        stages = [(0, weights)] if weights is not None else list(schedule or [])
        for _, stage in stages:
            if stage is None or len(stage) != len(lengths):
                raise ConfigError(f"There must be a weight for each of {len(lengths)} sources.")
            if any(weight > 0 and size == 0 for weight, size in zip(stage, lengths)):
                raise ConfigError("A source without samples must have the weight 0.")
        unit = batch_size or 1
        samples = sum(lengths) if length is None else length
        self.length = samples if schedule is None else max(unit, samples - samples % unit)
        self._lengths = np.array(lengths, dtype=np.int64)
        self._dealer = Apportionment(
            len(lengths), [(step * unit, list(enumerate(stage or []))) for step, stage in stages]
        )
        self._passes = [_source_order(size, source, seed, shuffle) for source, size in enumerate(lengths)]

    def __len__(self) -> int:
        return self.length

    def at(self, positions: np.ndarray | None = None, *, epoch: int = 0) -> MixtureDraws:
        """The samples at positions of an epoch. Default: of the whole epoch. O(log sources) each."""
        places = np.arange(self.length, dtype=np.int64) if positions is None else np.asarray(positions, dtype=np.int64)
        if places.size > 0 and not (0 <= int(places.min()) and int(places.max()) < self.length):
            raise IndexError(f"positions are 0 ... {self.length - 1}")
        source, count = self._dealer.at(epoch * self.length + places)
        index = np.empty_like(count)
        for number in np.unique(source).tolist():
            here = source == number
            index[here] = self._passes[number](count[here])
        return MixtureDraws(source, index, count // self._lengths[source])


class Curriculum:
    """Curriculum learning: ``CurriculumSampler`` of the Node.js package.

    Args:
        samples: Samples of the dataset.
        batch_size: Samples per global batch.
        metrics: By name: ``values`` (shape ``[samples]``, the difficulty of each), ``minDifficulty``, ``maxDifficulty``,
            ``schedule`` (``{"type": "linear", "totalSteps": …, "difficultyStep": …}``), ``difficultyType`` (``"value"`` or
            ``"percentile"``).
        seed: Fixes the orders.
        steps_per_epoch: Default: ``samples // batch_size``, at least 1.
    """

    def __init__(
        self,
        samples: int,
        *,
        batch_size: int,
        metrics: Mapping[str, Mapping[str, Any]],
        seed: int = 0,
        steps_per_epoch: int | None = None,
    ) -> None:
        self.steps_per_epoch = max(1, samples // batch_size) if steps_per_epoch is None else steps_per_epoch
        self.length = self.steps_per_epoch * batch_size
        limiting = [item for item in metrics.items() if item[1].get("clusteringType") != "single-cluster"]
        self._ids, clusters = _admissions(samples, limiting)
        if not clusters or clusters[0][0] != 1:
            raise ConfigError("No sample is admitted at the first step. Begin at a difficulty that some sample has.")
        starts = np.cumsum([0] + [size for _, size in clusters])[:-1]
        self._starts = starts.astype(np.int64)
        self._dealer = Apportionment(
            len(clusters), [((step - 1) * batch_size, [(j, size)]) for j, (step, size) in enumerate(clusters)]
        )
        self._passes = [
            Passes(size, _keys(seed, f"cluster {j}")) for j, (_, size) in enumerate(clusters)
        ]

    def __len__(self) -> int:
        return self.length

    def at(self, positions: np.ndarray | None = None, *, epoch: int = 0) -> np.ndarray:
        """The indices at positions of an epoch, int64. Default: of the whole epoch."""
        places = np.arange(self.length, dtype=np.int64) if positions is None else np.asarray(positions, dtype=np.int64)
        cluster, count = self._dealer.at(epoch * self.length + places)
        result = np.empty_like(count)
        for number in np.unique(cluster).tolist():
            here = cluster == number
            result[here] = self._ids[self._starts[number] + self._passes[number].at(count[here])]
        return result


def _keys(seed: int, purpose: str) -> Callable[[int], int]:
    """The key of each pass."""
    return lambda number: order_key(seed, number, purpose)


def _source_order(size: int, source: int, seed: int, shuffle: bool) -> Callable[[np.ndarray], np.ndarray]:
    if not shuffle:
        return lambda counts: counts % size
    return Passes(size, _keys(seed, f"source {source}")).at


def _admissions(
    samples: int, metrics: list[tuple[str, Mapping[str, Any]]]
) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """The samples in the order of admission, and the clusters: the step that admits them, and how many they are."""
    never = np.iinfo(np.int64).max
    admitted_at = np.ones(samples, dtype=np.int64)
    ids = np.arange(samples, dtype=np.int64)
    for name, metric in metrics:
        order, steps = _metric_steps(name, metric, samples, never)
        if len(metrics) == 1:
            ids = order
        admitted_at[order] = np.maximum(admitted_at[order], steps)
    if len(metrics) != 1:
        ids = np.argsort(admitted_at, kind="stable")
    distinct, counts = np.unique(admitted_at[admitted_at < never], return_counts=True)
    return ids, list(zip(distinct.tolist(), counts.tolist()))


def _metric_steps(name: str, metric: Mapping[str, Any], samples: int, never: int) -> tuple[np.ndarray, np.ndarray]:
    """The samples by difficulty, and the step at which the metric admits each."""
    values = np.asarray(metric["values"], dtype=np.float64)
    if len(values) != samples:
        raise ConfigError(f"The metric {name} has {len(values)} values for {samples} samples.")
    order = np.argsort(values, kind="stable")
    low, high = metric["minDifficulty"], metric["maxDifficulty"]
    schedule, last_step = open_schedule(metric["schedule"], low, high)
    steps = np.full(samples, never, dtype=np.int64)
    reached = 0
    for step, difficulty in changes_of(schedule, last_step):
        if metric.get("difficultyType", "value") == "value":
            end = int(np.searchsorted(values[order], difficulty, side="right"))
        else:
            end = samples if difficulty >= high else max(0, int(samples * difficulty / high))
        steps[reached : max(reached, end)] = step
        reached = max(reached, end)
    return order, steps


def _part(values: np.ndarray, part: int, parts: int) -> np.ndarray:
    """One of ``parts`` contiguous parts of nearly equal size. Of fewer values than parts, each part gets one, in turn."""
    length = len(values)
    if 0 < length < parts:
        return values[part % length : part % length + 1]
    return values[part * length // parts : (part + 1) * length // parts]
