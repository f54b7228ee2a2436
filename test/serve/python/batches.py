"""Reads batches and prints a digest of each: paths, dtypes, shapes and bytes, as test/serve/batch-digest.ts does.

Reads lines of JSON: {"address", "loader", "options", "epochs", "state", "limit", "receipt"}. Answers each with a line of JSON.
"""

import hashlib
import json
import sys

import numpy as np

import millrace


def digest(batch):
    lines = []

    def visit(value, path):
        if isinstance(value, np.ndarray):
            dtype = "bool" if value.dtype == bool else value.dtype.name
            shape = "x".join(map(str, value.shape))
            lines.append(f"{path} {dtype} {shape} {hashlib.sha256(value.tobytes()).hexdigest()}")
        elif isinstance(value, bytes):
            lines.append(f"{path} bytes {value.hex()}")
        elif isinstance(value, list):
            for i, entry in enumerate(value):
                visit(entry, f"{path}/{i}")
        elif isinstance(value, dict):
            for key, entry in value.items():
                visit(entry, f"{path}/{key}")
        else:
            lines.append(f"{path} {json.dumps(value, ensure_ascii=False)}")

    visit(batch, "")
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:16]


def answer(question):
    options = question.get("options", {})
    with millrace.Loader(question["address"], question["loader"], "numpy", **options) as loader:
        if question.get("state") is not None:
            loader.load_state_dict(question["state"])
        digests = []
        for _ in range(question.get("epochs", 1)):
            for batch in loader:
                digests.append(digest(batch))
                if len(digests) == question.get("limit"):
                    break
        receipt = {"receipt": loader.receipt()} if question.get("receipt") else {}
        return {"digests": digests, "state": loader.state_dict(), "stats": loader.stats(), **receipt}


if __name__ == "__main__":
    for line in sys.stdin:
        try:
            print(json.dumps(answer(json.loads(line))), flush=True)
        except millrace.MillraceError as error:
            print(json.dumps({"code": error.code, "message": str(error), "where": error.where}), flush=True)
        if "--once" in sys.argv:
            break
