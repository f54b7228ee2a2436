"""Writes a data set with a column of every feature type with Hugging Face datasets, in Parquet, Arrow and JSON Lines, with its card, and
the values that datasets reads back from each.

pip install datasets pillow && python record_features.py
"""
import base64
import datetime
import decimal
import io
import json
import math
import os
import shutil

import datasets
import numpy as np
import PIL.Image
import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Array2D, Array3D, Array4D, Array5D, Audio, ClassLabel, Dataset, Features, Image, LargeList, List
from datasets import Nifti, Pdf, Sequence, Translation, TranslationVariableLanguages, Value, Video
from datasets.features import Json, Mesh

ROOT = os.path.dirname(os.path.abspath(__file__))
UTC = datetime.timezone.utc
TIME = datetime.datetime(2024, 2, 29, 12, 34, 56, 789000)


def png():
    out = io.BytesIO()
    PIL.Image.fromarray(np.arange(36, dtype=np.uint8).reshape(3, 4, 3)).save(out, "png")
    return {"bytes": out.getvalue(), "path": None}


def values(dtype, *given):
    return Value(dtype), [*given, None]


def blocks(*shape):
    return np.arange(math.prod(shape)).reshape(shape).tolist()


FILE = [{"bytes": b"\x00\x01\xff", "path": "a.bin"}, None]
COLUMNS = {
    "null": values("null", None),
    "bool": values("bool", True, False),
    **{f"int{bits}": values(f"int{bits}", -(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": values(f"uint{bits}", 0, 2**bits - 1) for bits in (8, 16, 32)},
    # datasets cannot write larger ones.
    "uint64": values("uint64", 0, 2**63 - 1),
    "float16": values("float16", 0.5, -65504.0, math.inf),
    "float32": values("float32", 0.1, -3.4e38, math.nan),
    "float64": values("float64", 0.1, -1.7e308, math.inf),
    "time32_s": values("time32[s]", datetime.time(1, 2, 3)),
    "time32_ms": values("time32[ms]", datetime.time(1, 2, 3, 4000)),
    "time64_us": values("time64[us]", datetime.time(23, 59, 59, 999999)),
    "time64_ns": values("time64[ns]", datetime.time(23, 59, 59, 999999)),
    "timestamp_s": values("timestamp[s]", TIME.replace(microsecond=0)),
    "timestamp_ms": values("timestamp[ms]", TIME),
    "timestamp_us": values("timestamp[us]", TIME),
    "timestamp_ns": values("timestamp[ns]", TIME),
    "timestamp_zone": values("timestamp[us, tz=UTC]", TIME.replace(tzinfo=UTC)),
    "date32": values("date32", datetime.date(1969, 7, 20), datetime.date(2024, 2, 29)),
    "date64": values("date64", datetime.date(1969, 7, 20), datetime.date(2024, 2, 29)),
    "duration_s": values("duration[s]", datetime.timedelta(days=1, seconds=2)),
    "duration_ms": values("duration[ms]", datetime.timedelta(milliseconds=-5)),
    "duration_us": values("duration[us]", datetime.timedelta(microseconds=7)),
    "duration_ns": values("duration[ns]", datetime.timedelta(microseconds=7)),
    "decimal128": values("decimal128(10, 2)", decimal.Decimal("12345678.90"), decimal.Decimal("-0.05")),
    "decimal256": values("decimal256(40, 5)", decimal.Decimal("1.00001"), decimal.Decimal("-2.5")),
    "binary": values("binary", b"", b"\x00\xff"),
    "large_binary": values("large_binary", b"", b"\x00\xff"),
    "string": values("string", "", "é 😀"),
    "large_string": values("large_string", "", "é 😀"),
    "class_label": (ClassLabel(names=["no", "yes"]), [1, 0, -1]),
    "list": (List(Value("int32")), [[1, 2], [], None]),
    "fixed_list": (List(Value("float32"), length=2), [[0.5, 1.5], [2.5, 3.5]]),
    "large_list": (LargeList(Value("string")), [["a", "b"], [], None]),
    "sequence": (Sequence(Value("int64")), [[1, 2**40], [], None]),
    "sequence_of_structs": (Sequence({"a": Value("int32"), "b": Value("string")}), [{"a": [1, 2], "b": ["x", "y"]}]),
    "list_of_structs": (List({"a": Value("int32"), "b": List(Value("string"))}), [[{"a": 1, "b": ["x"]}], [], None]),
    "list_of_lists": (List(List(ClassLabel(names=["no", "yes"]))), [[[0, 1], []], [], None]),
    "struct": ({"a": Value("int8"), "b": {"c": List(Value("float64")), "d": Value("date32")}},
               [{"a": 1, "b": {"c": [0.1], "d": datetime.date(2024, 2, 29)}}, {"a": None, "b": None}]),
    "array2d": (Array2D((2, 3), "int32"), [blocks(2, 3), blocks(2, 3)]),
    "array2d_of_any_height": (Array2D((None, 2), "float32"), [blocks(1, 2), blocks(3, 2)]),
    "array3d": (Array3D((2, 1, 2), "uint8"), [blocks(2, 1, 2)]),
    "array4d": (Array4D((1, 2, 1, 2), "float64"), [blocks(1, 2, 1, 2)]),
    "array5d": (Array5D((1, 1, 2, 1, 2), "int64"), [blocks(1, 1, 2, 1, 2)]),
    "image": (Image(), [png(), None]),
    "image_bytes": (Image(decode=False), [png(), None]),
    "images": (List(Image()), [[png(), png()], []]),
    "audio": (Audio(decode=False), FILE),
    "audio_rate": (Audio(sampling_rate=16000, decode=False), FILE),
    "video": (Video(decode=False), FILE),
    "pdf": (Pdf(decode=False), FILE),
    "nifti": (Nifti(decode=False), FILE),
    "mesh": (Mesh(decode=False), FILE),
    "translation": (Translation(languages=["en", "fr"]), [{"en": "the cat", "fr": "le chat"}]),
    "translations": (TranslationVariableLanguages(languages=["de", "en", "fr"]),
                     [{"en": "the cat", "fr": ["le chat", "la chatte"], "de": "die katze"}]),
    "json": (Json(), [{"a": [1, "x", None]}, "text", [1, 2], None]),
}


def plain(value):
    """A value as JSON, with marks for what JSON does not have."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, PIL.Image.Image):
        return {"$image": plain(np.asarray(value.convert("RGB")).transpose(2, 0, 1))}
    if isinstance(value, datetime.datetime):
        return {"$date": value.replace(tzinfo=UTC).isoformat()}
    if isinstance(value, datetime.date):
        return {"$date": f"{value.isoformat()}T00:00:00+00:00"}
    if isinstance(value, datetime.time):
        return {"$time": value.isoformat()}
    if isinstance(value, datetime.timedelta):
        return {"$microseconds": value // datetime.timedelta(microseconds=1)}
    if isinstance(value, decimal.Decimal):
        return {"$number": str(value)}
    if isinstance(value, (float, np.floating)):
        return value if math.isfinite(value) else {"$number": str(float(value))}
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**53:
        return {"$integer": str(value)}
    return value


def pad(rows, length):
    return (rows * length)[:length]


def make(names, kind, folder):
    length = 4
    features = Features({name: COLUMNS[name][0] for name in names})
    # Audio is stored as bytes and path. Encoding it would need torchcodec.
    stored = Features({name: {"bytes": Value("binary"), "path": Value("string")} if isinstance(feature, Audio) else feature
                       for name, feature in features.items()})
    data = Dataset.from_dict({name: pad(COLUMNS[name][1], length) for name in names}, features=stored)
    table = data.data.table.replace_schema_metadata(features.arrow_schema.metadata)
    path = os.path.join(ROOT, folder)
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    file = os.path.join(path, f"train.{kind}")
    if kind == "parquet":
        # As to_parquet, which fails on a translation beside media.
        pq.write_table(table, file)
    elif kind == "arrow":
        with pa.OSFile(file, "wb") as out, pa.ipc.new_stream(out, table.schema) as writer:
            writer.write_table(table)
    else:
        data.to_json(file)
    if kind == "jsonl":
        # JSON has no types: the card says them.
        info = datasets.DatasetInfo(features=features)._to_yaml_dict()
        import yaml

        card = yaml.safe_dump({"dataset_info": {"features": info["features"]}}, sort_keys=False)
        with open(os.path.join(path, "README.md"), "w") as out:
            out.write(f"---\n{card}---\n")
    back = datasets.load_dataset(path, split="train")
    return {name: [plain(row[name]) for row in back.select_columns([name])] for name in names}


def record(kind):
    """Columns that datasets can write and read in this kind of file, one by one, then together."""
    kept, failed = [], {}
    for name in COLUMNS:
        try:
            make([name], kind, "tried")
            kept.append(name)
        except Exception as error:
            failed[name] = f"{type(error).__name__}: {error}"[:120]
    print(kind, len(kept), failed)
    return make(kept, kind, kind)


expected = {kind: record(kind) for kind in ("parquet", "arrow", "jsonl")}
shutil.rmtree(os.path.join(ROOT, "tried"), ignore_errors=True)
with open(os.path.join(ROOT, "features.json"), "w") as out:
    json.dump({"datasets": datasets.__version__, "rows": expected}, out)
    out.write("\n")
