"""Computes orders with millrace.order: reads a list of questions, prints the answers."""

import json
import sys

import numpy as np

from millrace import order
from millrace.random import draw_key, sample_generator, sample_words


def answer(question):
    kind, options = question["kind"], question["options"]
    if kind == "permutation":
        permutation = order.Permutation(options["length"], int(options["key"]))
        at = permutation.at(np.array(options["positions"], dtype=np.int64))
        return [at.tolist(), permutation.index_of(at).tolist()]
    if kind == "shuffled":
        return order.shuffled(**options).tolist()
    if kind == "share":
        batch = np.arange(options.pop("length"))
        return order.share(batch, **options).tolist()
    if kind == "mixture":
        epoch, positions = options.pop("epoch"), options.pop("positions")
        draws = order.Mixture(**options).at(np.array(positions), epoch=epoch)
        return [part.tolist() for part in (draws.source, draws.index, draws.epoch)]
    if kind == "curriculum":
        epoch, positions = options.pop("epoch"), options.pop("positions")
        return order.Curriculum(**options).at(np.array(positions), epoch=epoch).tolist()
    if kind == "words":
        return sample_words(**options).tolist()
    if kind == "generator":
        generator = sample_generator(**options)
        state = generator.bit_generator.state["state"]
        low, high = draw_key(options["seed"], options["index"])
        return {
            "key": str(int(state["key"][0])),
            "counter": [int(word) for word in state["counter"]],
            "words": [str(low), str(high)],
            "first": generator.random(),
        }
    raise ValueError(kind)


print(json.dumps([answer(question) for question in json.loads(sys.stdin.readline())]))
