"""Random numbers per sample: streams keyed as ``context.rng`` of the Node.js loader is."""

from __future__ import annotations

from typing import Sequence

import numpy as np

_ROUNDS = 10
_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
#: Separates the key of a draw from other keys that are derived from the seed.
_FOR_DRAW = 2


def philox4x32(key: Sequence[int], counters: np.ndarray) -> np.ndarray:
    """Philox4x32 with 10 rounds (Salmon, Moraes, Dror and Shaw, SC 2011).

    Args:
        key: Two words.
        counters: Shape ``[n, 4]``: four words for each block.

    Returns:
        Shape ``[n, 4]``, uint32: the random words of each block.
    """
    c0, c1, c2, c3 = (counters[:, i].astype(np.uint64) for i in range(4))
    k0, k1 = int(key[0]), int(key[1])
    for _ in range(_ROUNDS):
        product0 = np.uint64(0xD2511F53) * c0
        product1 = np.uint64(0xCD9E8D57) * c2
        c0 = (product1 >> _SHIFT) ^ c1 ^ np.uint64(k0)
        c1 = product1 & _LOW
        c2 = (product0 >> _SHIFT) ^ c3 ^ np.uint64(k1)
        c3 = product0 & _LOW
        k0 = (k0 + 0x9E3779B9) & 0xFFFFFFFF
        k1 = (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], axis=1).astype(np.uint32)


def draw_key(seed: int, index: int) -> tuple[int, int]:
    """The two words that key the stream of a sample: Philox4x32 of the seed at the counter ``(index low, index high, 2, 0)``."""
    counter = np.array([[index & 0xFFFFFFFF, index >> 32, _FOR_DRAW, 0]], dtype=np.uint64)
    word0, word1, _, _ = philox4x32(_words(seed), counter)[0].tolist()
    return word0, word1


def sample_words(seed: int, epoch: int, position: int, index: int, count: int) -> np.ndarray:
    """The first ``count`` words of ``context.rng.uint32()`` in the Node.js loader, shape ``[count]``, uint32."""
    blocks = -(-count // 4)
    counters = np.zeros((blocks, 4), dtype=np.uint64)
    counters[:, 0] = position & 0xFFFFFFFF
    counters[:, 1] = position >> 32
    counters[:, 2] = epoch
    counters[:, 3] = np.arange(blocks)
    return philox4x32(draw_key(seed, index), counters).reshape(-1)[:count]


def sample_generator(seed: int, epoch: int, position: int, index: int) -> np.random.Generator:
    """A numpy generator for one sample, keyed as ``context.rng`` is.

    It is numpy's ``Philox`` (Philox4x64) with the key ``word0 + 2^32 * word1`` of :func:`draw_key` and the counter
    ``[0, position, epoch, 0]``. The key is that of ``context.rng``; the numbers are numpy's. No two draws of a run share
    epoch and position, so their streams do not overlap.

    Args:
        position: Of the sample in the epoch's order over all ranks.
        index: Of the sample in the dataset.
    """
    word0, word1 = draw_key(seed, index)
    return np.random.Generator(
        np.random.Philox(key=np.array([word0 | word1 << 32, 0], dtype=np.uint64), counter=[0, position, epoch, 0])
    )


def _words(value: int) -> tuple[int, int]:
    return value & 0xFFFFFFFF, value >> 32
