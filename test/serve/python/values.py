"""Reads batches and prints their values. Reads lines of JSON as batches.py does; "steps" and "transform" are more."""

import json
import ssl
import sys

import numpy as np

import millrace


def plain(value):
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {key: plain(child) for key, child in value.items()}
    return value


def noisy(sample, context):
    sample["noise"] = context.rng.random()
    sample["place"] = np.array([context.index, context.position, context.epoch, context.seed])
    return sample


def answer(question):
    options = dict(question.get("options", {}))
    if question.get("transform"):
        options["transform"] = {"noisy": noisy, "ragged": lambda sample, context: np.zeros(context.index + 1)}[
            question["transform"]
        ]
    if question.get("certificate"):
        options["tls"] = ssl.create_default_context(cafile=question["certificate"])
    with millrace.Loader(question["address"], question["loader"], "numpy", **options) as loader:
        if question.get("state") is not None:
            loader.load_state_dict(question["state"])
        batches = []
        origins = []
        for _ in range(question.get("epochs", 1)):
            for batch in loader:
                batches.append(plain(batch))
                origins.append(loader.origin)
                if len(batches) == question.get("limit"):
                    break
        length = None
        try:
            length = len(loader)
        except TypeError as error:
            length = str(error)
        return {
            "batches": batches,
            "origins": origins,
            "length": length,
            "state": loader.state_dict(),
            "stats": loader.stats(),
        }


for line in sys.stdin:
    try:
        print(json.dumps(answer(json.loads(line))), flush=True)
    except millrace.MillraceError as error:
        print(
            json.dumps({"code": error.code, "message": str(error), "where": error.where, "causes": error.causes}),
            flush=True,
        )
