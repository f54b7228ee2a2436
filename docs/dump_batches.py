"""Writes the batches of a loader to a file that `millrace verify … --against` compares with.

    from dump_batches import dump_batches

    dump_batches(loader, "dump.jsonl", epochs=2)

The loader is anything that can be iterated: a torch DataLoader, a DeepSpeedDataLoader, a sampler. The file has a header, a line
a batch, and a last line that says it is whole. Tensors and arrays are written with dtype, shape and the SHA-256 of their
elements (row-major, little-endian), small ones with their elements, too.
"""
import hashlib
import json
import math
import platform
import sys
from collections.abc import Mapping
from itertools import islice

VERSION = 1
LARGEST_WITH_ELEMENTS = 4096
LARGEST_NUMBER = 2**53 - 1


def dump_batches(loader, path, epochs=1, limit=None):
    """Iterates `loader` `epochs` times, at most `limit` batches in all, and gives the number of batches written."""
    versions = {"python": platform.python_version()}
    for name in ("torch", "numpy", "deepspeed"):
        if name in sys.modules:
            versions[name] = str(getattr(sys.modules[name], "__version__", "unknown"))
    written = 0
    with open(path, "w", encoding="utf-8") as file:
        write_line(file, {"millrace_dump": VERSION, "versions": versions})
        for epoch in range(epochs):
            left = None if limit is None else limit - written
            for number, batch in enumerate(islice(iter(loader), left)):
                write_line(file, {"epoch": epoch, "batch": number, "value": describe(batch)})
                written += 1
        limited = limit is not None and written == limit
        write_line(file, {"end": True, "batches": written, "limited": limited})
    return written


def write_line(file, value):
    file.write(json.dumps(value, allow_nan=False, separators=(",", ":")) + "\n")


def describe(value):
    """A batch as JSON: tensors and arrays as objects with a dtype, mappings and named tuples as fields."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        if str(value.dtype) in ("torch.bfloat16", "torch.float16"):
            return {**describe_array(value.float().numpy()), "from": str(value.dtype).split(".")[1]}
        return describe_array(value.numpy())
    if hasattr(value, "dtype") and hasattr(value, "tobytes"):
        return describe_array(value)
    if isinstance(value, Mapping):
        return {"fields": {str(key): describe(field) for key, field in value.items()}}
    if hasattr(value, "_fields"):
        return {"fields": {name: describe(field) for name, field in zip(value._fields, value)}}
    if isinstance(value, (list, tuple)):
        return [describe(item) for item in value]
    if isinstance(value, (bytes, bytearray)):
        return {"bytes": hashlib.sha256(value).hexdigest(), "length": len(value)}
    return describe_scalar(value)


def describe_array(array):
    little_endian = array.astype(array.dtype.newbyteorder("<"), copy=False)
    described = {"dtype": array.dtype.name, "shape": list(array.shape),
                 "sha256": hashlib.sha256(little_endian.tobytes()).hexdigest()}
    if array.size <= LARGEST_WITH_ELEMENTS:
        described["data"] = [describe_scalar(element) for element in array.reshape(-1).tolist()]
    return described


def describe_scalar(value):
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return value if abs(value) <= LARGEST_NUMBER else str(value)
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
        return value
    raise TypeError(f"a batch holds a {type(value).__name__}, which cannot be dumped")
