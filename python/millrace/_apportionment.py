"""Assigns numbered slots to parts by weight: ``Apportionment`` of the Node.js package, number by number."""

from __future__ import annotations

import math
from typing import Iterable, Sequence

import numpy as np

from .errors import ConfigError

#: Shares are multiples of 2^-40.
_ONE = 2**40
#: A count is multiplied by a share 12 bits at a time, so that every product is below 2^63.
_DIGIT_BITS = 12
_DIGITS = 5


class _Split:
    """Divides the slots that reach a node between its halves, over all changes of weights."""

    def __init__(self) -> None:
        self.counts: list[int] = []
        self._lefts: list[int] = []
        self._shares: list[int] = []
        self._owed_whole: list[int] = []
        self._owed_units: list[int] = []

    def add(self, count: int, left: int, share: float, deficit: float) -> None:
        inside = 0 < share < 1
        # Adding half a slot rounds to the nearest.
        owed = deficit + 0.5 if inside else 0.0
        whole = math.floor(owed)
        units = math.floor(share * _ONE + 0.5)
        self.counts.append(count)
        self._lefts.append(left)
        self._shares.append(min(max(units, 1), _ONE - 1) if inside else int(share * _ONE))
        self._owed_whole.append(whole)
        self._owed_units.append(min(math.floor((owed - whole) * _ONE), _ONE - 1))

    def left_of(self, counts: np.ndarray) -> np.ndarray:
        """How many of the first ``counts`` slots belong to the left half."""
        change = np.searchsorted(np.array(self.counts, dtype=np.int64), counts, side="right") - 1
        started = change >= 0
        change = np.maximum(change, 0)
        if not self.counts:
            return np.zeros_like(counts)
        since = counts - np.array(self.counts, dtype=np.int64)[change]
        share = np.array(self._shares, dtype=np.int64)[change]
        whole, units = np.zeros_like(counts), np.zeros_like(counts)
        for digit in reversed(range(_DIGITS)):
            top = since >> (_DIGIT_BITS * digit) & (2**_DIGIT_BITS - 1)
            total = (units << _DIGIT_BITS) + share * top
            whole = (whole << _DIGIT_BITS) + (total >> 40)
            units = total & (_ONE - 1)
        units = units + np.array(self._owed_units, dtype=np.int64)[change]
        whole = whole + (units >> 40) + np.array(self._owed_whole, dtype=np.int64)[change]
        left = np.array(self._lefts, dtype=np.int64)[change] + np.minimum(np.maximum(whole, 0), since)
        return np.where(started, left, 0)

    def left_of_one(self, count: int) -> int:
        return int(self.left_of(np.array([count], dtype=np.int64))[0])


class Apportionment:
    """The part that owns a slot, and the slot's ordinal within it, computed from weights that may change.

    Args:
        parts: Number of parts.
        changes: ``(first slot, [(part, weight), ...])``, sorted by slot; the first begins at 0.
    """

    def __init__(self, parts: int, changes: Iterable[tuple[int, Sequence[tuple[int, float]]]]) -> None:
        self.parts = parts
        self._first_leaf = 2 ** math.ceil(math.log2(parts))
        self._splits = [_Split() for _ in range(self._first_leaf)]
        size = 2 * self._first_leaf
        self._weight = [0.0] * size
        self._exact = [0.0] * size
        self._per_weight_then = [0.0] * size
        self._per_weight = 0.0
        self._last_change = 0
        for start, weights in changes:
            self._change(start, weights)

    def at(self, slots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The part of each slot, and its ordinal within the part. O(log parts) per slot."""
        parts = np.empty(len(slots), dtype=np.int64)
        ordinals = np.empty(len(slots), dtype=np.int64)
        waiting = [(1, np.arange(len(slots)), slots.astype(np.int64))]
        while waiting:
            node, places, counts = waiting.pop()
            if len(places) == 0:
                continue
            if node >= self._first_leaf:
                parts[places] = node - self._first_leaf
                ordinals[places] = counts
                continue
            split = self._splits[node]
            left = split.left_of(counts)
            goes_left = split.left_of(counts + 1) > left
            waiting.append((2 * node, places[goes_left], left[goes_left]))
            waiting.append((2 * node + 1, places[~goes_left], (counts - left)[~goes_left]))
        return parts, ordinals

    def _change(self, start: int, weights: Sequence[tuple[int, float]]) -> None:
        is_first = self._weight[1] == 0
        if start != 0 if is_first else start < self._last_change:
            raise ConfigError(f"Changes of weights must start at 0 and ascend, but {start} follows {self._last_change}.")
        changed: dict[int, float] = {}
        for part, weight in weights:
            if not (0 <= part < self.parts and weight >= 0 and math.isfinite(weight)):
                raise ConfigError(f"The weight of part {part} must be 0 or more and finite, not {weight}.")
            changed[self._first_leaf + part] = float(weight)
        if not is_first:
            self._per_weight += (start - self._last_change) / self._weight[1]
        self._last_change = start
        concerned: set[int] = set()
        for leaf in changed:
            node = leaf
            while node >= 1:
                concerned.add(node)
                node >>= 1
        self._update(1, start, changed, concerned)
        if self._weight[1] == 0:
            raise ConfigError(f"The weights must not all be 0, but are from slot {start} on.")

    def _update(self, node: int, count: int, changed: dict[int, float], concerned: set[int]) -> None:
        exact = count if node == 1 else self._exact_of(node)
        if node in concerned:
            self._exact[node] = exact
            self._per_weight_then[node] = self._per_weight
        if node >= self._first_leaf:
            self._weight[node] = changed.get(node, self._weight[node])
            return
        split = self._splits[node]
        left = split.left_of_one(count)
        exact_left = self._exact_of(2 * node)
        if 2 * node in concerned:
            self._update(2 * node, left, changed, concerned)
        if 2 * node + 1 in concerned:
            self._update(2 * node + 1, count - left, changed, concerned)
        left_weight, right_weight = self._weight[2 * node], self._weight[2 * node + 1]
        weight = left_weight + right_weight
        self._weight[node] = weight
        share = 0.0 if weight == 0 else left_weight / weight
        split.add(count, left, share, share * (count - exact) - (left - exact_left))

    def _exact_of(self, node: int) -> float:
        """The exact share of a node at the last change."""
        return self._exact[node] + self._weight[node] * (self._per_weight - self._per_weight_then[node])
