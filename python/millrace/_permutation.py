"""Random orders that are computed, not stored: position to index and back."""

from __future__ import annotations

import math
from typing import Callable, Iterator

import numpy as np

from .errors import ConfigError
from .random import philox4x32

#: Up to this length an order is a table.
_LONGEST_TABLE = 1024
_PAIRS = 3
_U32 = np.uint32


def order_key(seed: int, epoch: int, purpose: str = "order") -> int:
    """A 64-bit key for the order of one epoch: seed, epoch and purpose mixed by numpy's ``SeedSequence``."""
    parts: list[int] = []
    for words in (_key_words(seed), _key_words(epoch), _key_words(purpose)):
        parts += [len(words), *words]
    low, high = np.random.SeedSequence(parts).generate_state(2).tolist()
    return int(high) << 32 | int(low)


class Permutation:
    """A random order of ``0 ... length - 1``: ``IndexPermutation`` of ``millrace/random``.

    Args:
        length: 0 to 2^53.
        key: Selects the order. For the epochs of a run, use :func:`order_key`.

    O(1) time per position, and O(1) memory. Up to 1024 elements every order is equally likely; longer ones come from a six-round
    Feistel network with cycle walking (Black and Rogaway, 2002).
    """

    def __init__(self, length: int, key: int | str) -> None:
        if not 0 <= length <= 2**53:
            raise ConfigError(f"The length of a permutation is 0 to 2^53, not {length}.")
        self.length = length
        if length <= _LONGEST_TABLE:
            table = _shuffled(length, _expand_key(key, 2))
            inverse = np.argsort(table, kind="stable")
            self._at: Callable[[np.ndarray], np.ndarray] = lambda positions: table[positions]
            self._index_of: Callable[[np.ndarray], np.ndarray] = lambda indices: inverse[indices]
        else:
            network = _Feistel(length, _expand_key(key, 2 * _PAIRS))
            self._at = network.forward
            self._index_of = network.backward

    def __len__(self) -> int:
        return self.length

    def at(self, positions: np.ndarray | int) -> np.ndarray:
        """The indices at positions, int64, in the shape of ``positions``."""
        return self._map(positions, self._at)

    def index_of(self, indices: np.ndarray | int) -> np.ndarray:
        """The positions of indices, int64."""
        return self._map(indices, self._index_of)

    def _map(self, numbers: np.ndarray | int, by: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        given = np.asarray(numbers, dtype=np.int64)
        if given.size > 0 and not (0 <= int(given.min()) and int(given.max()) < self.length):
            raise IndexError(f"positions and indices are 0 ... {self.length - 1}")
        return by(given.reshape(-1)).reshape(given.shape)


class Passes:
    """An endless order: pass after pass over ``0 ... length - 1``, each in its own order."""

    def __init__(self, length: int, key_of: Callable[[int], int]) -> None:
        self.length = length
        self._key_of = key_of

    def at(self, positions: np.ndarray) -> np.ndarray:
        """The indices at positions, int64."""
        passes = positions // self.length
        indices = np.empty(len(positions), dtype=np.int64)
        for number in np.unique(passes).tolist():
            here = passes == number
            permutation = Permutation(self.length, self._key_of(number))
            indices[here] = permutation.at(positions[here] - number * self.length)
        return indices


def _expand_key(key: int | str, count: int) -> np.ndarray:
    return np.random.SeedSequence(_key_words(key)).generate_state(count)


def _key_words(key: int | str) -> list[int]:
    """A key as 32-bit words; different keys give different words."""
    if isinstance(key, str):
        # The length in UTF-16 units, as JavaScript counts it.
        return [2, len(key.encode("utf-16-le")) // 2, *map(ord, key)]
    words: list[int] = []
    rest = abs(key)
    while rest > 0 or not words:
        words.append(rest & 0xFFFFFFFF)
        rest >>= 32
    return [1 if key < 0 else 0, *words]


def _shuffled(length: int, key: np.ndarray) -> np.ndarray:
    """Fisher-Yates; numbers below a bound by Lemire's method (2019)."""
    words = _stream(key)
    table = list(range(length))
    for i in range(length - 1, 0, -1):
        bound = i + 1
        draw = next(words)
        low = draw * bound & 0xFFFFFFFF
        if low < bound:
            threshold = (2**32 - bound) % bound
            while low < threshold:
                draw = next(words)
                low = draw * bound & 0xFFFFFFFF
        j = draw * bound >> 32
        table[i], table[j] = table[j], table[i]
    return np.array(table, dtype=np.int64)


def _stream(key: np.ndarray) -> Iterator[int]:
    block = 0
    while True:
        counters = np.zeros((256, 4), dtype=np.uint64)
        counters[:, 3] = np.arange(block, block + 256)
        yield from philox4x32(key.tolist(), counters).reshape(-1).tolist()
        block += 256


class _Feistel:
    """Two unequal halves: a number is ``left * 2^w + right``."""

    def __init__(self, length: int, key: np.ndarray) -> None:
        self._length = length
        self._key = [int(word) for word in key]
        self._bits = math.ceil(math.log2(length) / 2)
        self._left_count = -(-length // 2**self._bits)
        self._scale = self._left_count * 2.0**-32

    def forward(self, numbers: np.ndarray) -> np.ndarray:
        return self._walk(numbers, self._forward_once)

    def backward(self, numbers: np.ndarray) -> np.ndarray:
        return self._walk(numbers, self._backward_once)

    def _walk(self, numbers: np.ndarray, once: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Cycle walking: a result that is out of range goes through again."""
        result = once(numbers)
        outside = np.flatnonzero(result >= self._length)
        while outside.size > 0:
            result[outside] = once(result[outside])
            outside = outside[result[outside] >= self._length]
        return result

    def _forward_once(self, numbers: np.ndarray) -> np.ndarray:
        left, right = self._halves(numbers)
        for pair in range(_PAIRS):
            left = self._wrapped(left + self._left_step(right, pair))
            right = right ^ self._right_step(left, pair)
        joined: np.ndarray = left << self._bits | right
        return joined

    def _backward_once(self, numbers: np.ndarray) -> np.ndarray:
        left, right = self._halves(numbers)
        for pair in reversed(range(_PAIRS)):
            right = right ^ self._right_step(left, pair)
            left = self._wrapped(left - self._left_step(right, pair) + self._left_count)
        joined: np.ndarray = left << self._bits | right
        return joined

    def _halves(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return numbers >> self._bits, numbers & (2**self._bits - 1)

    def _wrapped(self, sums: np.ndarray) -> np.ndarray:
        wrapped: np.ndarray = np.where(sums >= self._left_count, sums - self._left_count, sums)
        return wrapped

    def _left_step(self, right: np.ndarray, pair: int) -> np.ndarray:
        steps: np.ndarray = (_hash(right, self._key[2 * pair]) * self._scale).astype(np.int64)
        return steps

    def _right_step(self, left: np.ndarray, pair: int) -> np.ndarray:
        return (_hash(left, self._key[2 * pair + 1]) >> _U32(32 - self._bits)).astype(np.int64)


def _hash(values: np.ndarray, key: int) -> np.ndarray:
    """A 32-bit hash with constants of Wellons (Prospecting for Hash Functions, 2018)."""
    h = (values.astype(np.uint32) ^ _U32(key)) * _U32(0x21F0AAAD)
    return (h ^ (h >> _U32(15))) * _U32(0x735A2D97)
