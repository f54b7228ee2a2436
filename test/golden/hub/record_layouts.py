"""Records what Hugging Face `datasets` gives for small folders, into more-layouts.json.

    pip install datasets==5.0.1 pillow && python record_layouts.py

A case has `files` (path to `text` or `base64`) and `calls` (`config`, `split`) with what `load_dataset` gives: `splits`, a `dataset`, or an
`error`. `mayRefuse` says why Millrace gives an error where `datasets` leaves files out, mixes splits or changes values silently.
"""

import base64
import contextlib
import datetime
import gzip
import io
import json
import logging
import os
import shutil
import tarfile
import tempfile
import zipfile

os.environ["HF_HUB_OFFLINE"] = "1"

import datasets
import PIL.Image
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
from datasets import ClassLabel, load_dataset

datasets.disable_progress_bars()
logging.disable(logging.CRITICAL)


def text(content):
    return {"text": content}


def binary(content):
    return {"base64": base64.b64encode(content).decode()}


def png(k=0):
    out = io.BytesIO()
    PIL.Image.new("RGB", (3, 2), (k * 20, 10, 20)).save(out, "PNG")
    return out.getvalue()


def zipped(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return binary(out.getvalue())


def tarred(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return binary(out.getvalue())


def parquet(columns, features=None):
    """A Parquet file, as `to_parquet` writes it if there are features."""
    out = io.BytesIO()
    if features is None:
        pq.write_table(pa.table(columns), out)
    else:
        datasets.Dataset.from_dict(columns, features=features).to_parquet(out)
    return binary(out.getvalue())


def arrow_stream(columns):
    table = pa.table(columns)
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table)
    return binary(out.getvalue())


def rows(*ids):
    return text("id,text\n" + "".join(f"{i},t{i}\n" for i in ids))


def card(yaml):
    return text("---\n" + yaml + "---\n# A data set\n")


def plain(value, folder):
    if isinstance(value, PIL.Image.Image):
        return {"image": list(value.size), "first": list(value.convert("RGB").getpixel((0, 0)))}
    if isinstance(value, datetime.datetime):
        return {"as": "datetime", "text": value.isoformat()}
    if isinstance(value, datetime.date):
        return {"as": "datetime", "text": value.isoformat() + "T00:00:00"}
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {k: plain(v, folder) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v, folder) for v in value]
    return value.replace(folder, "FOLDER") if isinstance(value, str) else value


def describe(dataset, folder):
    classes = {k: f.names for k, f in dataset.features.items() if isinstance(f, ClassLabel)}
    found = [plain(row, folder) for row in dataset]
    return {"length": len(dataset), "columns": list(dataset.column_names), "classes": classes, "rows": found}


def run(files, call):
    folder, cache = tempfile.mkdtemp(), tempfile.mkdtemp()
    try:
        for path, content in files.items():
            file = os.path.join(folder, path)
            os.makedirs(os.path.dirname(file), exist_ok=True)
            with open(file, "wb") as out:
                out.write(content["text"].encode() if "text" in content else base64.b64decode(content["base64"]))
        try:
            with contextlib.redirect_stderr(io.StringIO()):
                found = load_dataset(folder, call.get("config"), split=call.get("split"), cache_dir=cache)
                if isinstance(found, dict):
                    return {"splits": {str(k): describe(v, folder) for k, v in found.items()}}
                return {"dataset": describe(found, folder)}
        except Exception as error:
            cause = f" | {error.__cause__}" if error.__cause__ else ""
            return {"error": type(error).__name__, "message": (str(error) + cause).replace(folder, "FOLDER")[:300]}
    finally:
        shutil.rmtree(folder)
        shutil.rmtree(cache)


cases = []


def case(name, files, *calls, may_refuse=None):
    made = {"name": name, "files": files}
    if may_refuse:
        made["mayRefuse"] = may_refuse
    made["calls"] = [{"call": call, "want": run(files, call)} for call in (calls or ({},))]
    cases.append(made)


# Names
case("three levels of folders", {"data/en/train/a.csv": rows(1), "data/en/test/b.csv": rows(2)})
case("shards in data", {f"data/{s}-0000{k}-of-0000{n}.parquet": parquet({"id": [k]}) for s, n in (("train", 2), ("test", 1)) for k in range(n)})
case("own splits in data", {f"data/{s}-00000-of-00001.parquet": parquet({"id": [k]}) for k, s in enumerate(["zulu", "test", "train_sft", "train", "alpha.beta"])})
case("own split with dashes", {"data/train-clean-00000-of-00001.parquet": parquet({"id": [1]})})
case("words around keywords", {"my_train_data.csv": rows(1), "my test data.csv": rows(2), "x.valid.csv": rows(3)})
case("folders around keywords", {"my-train/a.csv": rows(1), "2020_dev_2/b.csv": rows(2), "evaluation/c.csv": rows(3)})
case("keyword twice", {"train/training/a.csv": rows(1), "test/b.csv": rows(2)}, may_refuse="a file is read twice")
case("two keywords", {"train_test.csv": rows(1), "dev.csv": rows(2)}, may_refuse="a file is in two splits")
case("a photo of a train", {"photo of a train.png": binary(png(1)), "dog.png": binary(png(2)), "cat.png": binary(png(3))}, may_refuse="files belong to no split")
case("only test", {"test.csv": rows(1, 2)}, {}, {"split": "test[:50%]"}, {"split": "train"})
case("only validation folder", {"val/x.jsonl": text('{"a": 1}\n')})
case("hidden files", {"train.csv": rows(1), ".train.csv": rows(2), ".cache/train.csv": rows(3), "__pycache__/train.csv": rows(4)})
case("descriptions", {"data.jsonl": text('{"a": 1}\n'), "config.json": text("{}"), "dataset_info.json": text("{}"), "LICENSE": text("MIT"), "script.py": text("x")})
case("empty folder", {"README.md": text("nothing\n")})
case("no data", {"a.py": text("x"), "b.md": text("y")})
case("order of names", {f"part{k}.csv": rows(k) for k in (10, 9, 2, 1)})
case("order of parts and folders", {"a-b/x.csv": rows(1), "a/x.csv": rows(2), "a.csv": rows(3), "B.csv": rows(4)})
# Cards
base = {"a/train.csv": rows(1), "a/test.csv": rows(2), "b/train.csv": rows(3), "b/test.csv": rows(4)}
case("data_dir", {**base, "README.md": card("configs:\n- config_name: x\n  data_dir: a\n- config_name: y\n  data_dir: b\n")}, {}, {"config": "x"}, {"config": "y", "split": "test"})
case("nested data_dir", {"d/a/one.csv": rows(1), "d/a/deep/two.csv": rows(2), "d/b/three.csv": rows(3), "README.md": card("configs:\n- config_name: default\n  data_dir: d/a\n")})
case("lists of paths", {"p1.csv": rows(1), "p2.csv": rows(2), "p3.csv": rows(3), "README.md": card("configs:\n- config_name: default\n  data_files:\n  - split: train\n    path:\n    - p3.csv\n    - p1.csv\n  - split: other\n    path: p2.csv\n")})
case("list of patterns", {"p1.csv": rows(1), "p2.csv": rows(2), "README.md": card("configs:\n- config_name: default\n  data_files:\n  - p2.csv\n  - p1*\n")})
case("classes of characters", {f"x{k}.csv": rows(ord(k)) for k in "0123ab"} | {"README.md": card('configs:\n- config_name: default\n  data_files:\n  - split: digits\n    path: "x[0-2].csv"\n  - split: letters\n    path: "x[!0-9].csv"\n  - split: one\n    path: "x?.csv"\n')})
case("overlapping patterns", {"a1.csv": rows(1), "a2.csv": rows(2), "README.md": card("configs:\n- config_name: default\n  data_files:\n  - a*.csv\n  - a1.csv\n")})
case("double star within", {"a/b/x.csv": rows(1), "a/x.csv": rows(2), "x.csv": rows(3), "README.md": card('configs:\n- config_name: default\n  data_files: "**/x.csv"\n')})
case("double star and words", {"a/x.csv": rows(1), "README.md": card('configs:\n- config_name: default\n  data_files: "**.csv"\n')})
case("a missing file", {"a.csv": rows(1), "README.md": card("configs:\n- config_name: default\n  data_files: b.csv\n")})
case("a pattern without files", {"a.csv": rows(1), "README.md": card('configs:\n- config_name: default\n  data_files: "b*.csv"\n')})
case("two defaults", {"a.csv": rows(1), "b.csv": rows(2), "README.md": card("configs:\n- config_name: x\n  data_files: a.csv\n  default: true\n- config_name: y\n  data_files: b.csv\n  default: true\n")})
case("no default", {"a.csv": rows(1), "b.csv": rows(2), "README.md": card("configs:\n- config_name: x\n  data_files: a.csv\n- config_name: y\n  data_files: b.csv\n")}, {}, {"config": "y"}, {"config": "z"})
case("a configuration that is not there", {"a.csv": rows(1)}, {"config": "z"}, {"config": "default"})
case("one named configuration", {"a.csv": rows(1), "README.md": card("configs:\n- config_name: plain_text\n  data_files: a.csv\n")}, {}, {"config": "plain_text"}, {"config": "default"})
case("configs without a name", {"a.csv": rows(1), "README.md": card("configs:\n- data_files: a.csv\n")})
case("a split twice", {"a.csv": rows(1), "README.md": card("configs:\n- config_name: default\n  data_files:\n  - split: train\n    path: a.csv\n  - split: train\n    path: a.csv\n")})
case("a split with a dash", {"a.csv": rows(1), "README.md": card("configs:\n- config_name: default\n  data_files:\n  - split: my-train\n    path: a.csv\n")})
case("yaml that is none", {"a.csv": rows(1), "README.md": card("configs: [\n")})
case("a card without yaml", {"a.csv": rows(1), "README.md": text("# Title\nconfigs:\n- config_name: x\n")})
case("a separator in the card", {"a.csv": text("id;text\n1;x,y\n"), "README.md": card("configs:\n- config_name: default\n  data_files: a.csv\n  sep: ;\n")})
case("lengths in the card", {"a.csv": rows(1, 2), "README.md": card("dataset_info:\n  splits:\n  - name: train\n    num_examples: 2\n")})
case("other lengths in the card", {"a.csv": rows(1, 2), "README.md": card("dataset_info:\n  splits:\n  - name: train\n    num_examples: 5\n")})
# Types
case("class labels by number", {"train.csv": text("a,label\nx,1\ny,0\n"), "README.md": card("dataset_info:\n  features:\n  - name: a\n    dtype: string\n  - name: label\n    dtype:\n      class_label:\n        names:\n          '0': cat\n          '1': dog\n")})
case("class labels by name", {"train.jsonl": text('{"a": "x", "label": "dog"}\n{"a": "y", "label": "cat"}\n{"a": "z", "label": null}\n'), "README.md": card("dataset_info:\n  features:\n  - name: a\n    dtype: string\n  - name: label\n    dtype:\n      class_label:\n        names:\n          '0': cat\n          '1': dog\n")})
case("types by configuration", {"a.jsonl": text('{"a": 1}\n'), "b.jsonl": text('{"a": 2}\n'), "README.md": card("configs:\n- config_name: x\n  data_files: a.jsonl\n- config_name: y\n  data_files: b.jsonl\ndataset_info:\n- config_name: x\n  features:\n  - name: a\n    dtype: string\n- config_name: y\n  features:\n  - name: a\n    dtype: float32\n")}, {"config": "x"}, {"config": "y"})
case("nested types", {"train.jsonl": text('{"q": {"text": "x", "n": 1}, "l": [{"a": 1.5}], "t": {"en": "hello", "de": "hallo"}}\n'), "README.md": card("dataset_info:\n  features:\n  - name: q\n    struct:\n    - name: text\n      dtype: string\n    - name: n\n      dtype: int8\n  - name: l\n    list:\n    - name: a\n      dtype: float32\n  - name: t\n    dtype:\n      translation:\n        languages:\n        - en\n        - de\n")})
case("a column too many", {"train.jsonl": text('{"a": 1, "b": 2}\n'), "README.md": card("dataset_info:\n  features:\n  - name: a\n    dtype: int64\n")})
case("a column too few", {"train.jsonl": text('{"a": 1}\n'), "README.md": card("dataset_info:\n  features:\n  - name: a\n    dtype: int64\n  - name: b\n    dtype: string\n")})
case("a number out of range", {"train.jsonl": text('{"a": 300}\n'), "README.md": card("dataset_info:\n  features:\n  - name: a\n    dtype: int8\n")})
F = datasets.Features
case("types in Parquet", {"train.parquet": parquet({"label": [1, 0], "s": [["a"], []], "t": [{"en": "x", "fr": "y"}] * 2, "f": [0.5, 1.5]}, F({"label": ClassLabel(names=["no", "yes"]), "s": datasets.List(datasets.Value("string")), "t": datasets.Translation(languages=["en", "fr"]), "f": datasets.Value("float32")}))})
case("pictures in Parquet", {"train.parquet": parquet({"image": [{"bytes": png(1), "path": None}, None], "label": [0, 1]}, F({"image": datasets.Image(), "label": ClassLabel(names=["a", "b"])}))})
case("pictures in lists in Parquet", {"train.parquet": parquet({"images": [[{"bytes": png(k), "path": None} for k in (1, 2)], []]}, F({"images": datasets.List(datasets.Image())}))})
case("bare Parquet", {"train.parquet": parquet({"i": pa.array([1, None]), "t": pa.array([datetime.datetime(2020, 1, 2, 3, 4, 5), None]), "d": pa.array([datetime.date(2020, 1, 2), None]), "b": pa.array([b"\x00\xff", None]), "n": pa.array([[[1], []], None])})})
case("Arrow streams", {"train.arrow": arrow_stream({"id": [1, 2], "t": ["x", None]}), "test.arrow": arrow_stream({"id": [3], "t": ["y"]})})
# JSON
case("array of objects", {"train.json": text('[{"a": 1},\n {"a": 2, "b": "x"}]\n')})
case("array of strings", {"train.json": text('["x", "y"]')})
case("objects over lines", {"train.json": text('{\n "a": 1\n}\n{\n "a": 2\n}\n')})
case("empty array", {"train.json": text("[]")})
case("mixed values", {"train.jsonl": text('{"a": 1, "b": [1, 2]}\n{"a": "x", "b": "y"}\n')})
case("objects with other fields", {"train.jsonl": text('{"a": {"x": 1}}\n{"a": {"y": "z"}}\n')})
case("lists of objects", {"train.jsonl": text('{"m": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": null}]}\n{"m": []}\n')})
case("forms of times", {"train.jsonl": text('{"a": "2020-01-01T10:11:12Z", "b": "2020-01-01 10:11:12.5", "c": "2020-01-01T10:11:12+02:00", "d": "2020-01-01T10:11", "e": "20200101", "f": "2020-1-1", "g": "10:11", "h": "2020-01", "i": "2020-02-30"}\n')})
case("times and other text", {"train.jsonl": text('{"a": "2020-01-01"}\n{"a": "yesterday"}\n')})
case("a later column", {"a.jsonl": text('{"a": 1}\n'), "b.jsonl": text('{"a": 2, "b": 3}\n')})
case("a column that ends", {"a.jsonl": text('{"a": 1, "b": 2}\n'), "b.jsonl": text('{"a": 2}\n')})
case("other columns in a split", {"train.jsonl": text('{"a": 1}\n'), "test.jsonl": text('{"b": 1}\n')})
case("a byte order mark", {"train.jsonl": text('\ufeff{"a": 1}\n')})
case("blank lines", {"train.jsonl": text('{"a": 1}\n\n{"a": 2}\n\n')})
# Separated values
case("missing cells", {"train.csv": text("a,b,c,d,e\n1,NA,True,007,\n,x,,010,\n3,n/a,False,1,\n")})
case("columns without names", {"train.csv": text(",x,x\n0,2,3\n")})
case("short rows", {"train.csv": text("a,b\n1\n2,3\n\n4,5\n")})
case("long rows", {"train.csv": text("a,b\n1,2\n2,3,4\n")})
case("quoted cells", {"train.csv": text('a,b\n"x, y","line\nbreak"\n"say ""hi""",z\n')})
case("another order of columns", {"a.csv": text("a,b\n1,2\n"), "b.csv": text("b,a\n1,2\n")})
case("other columns", {"a.csv": text("a,b\n1,2\n"), "b.csv": text("a,c\n1,2\n")})
case("semicolons", {"train.csv": text("a;b\n1;2\n")})
case("fractions and exponents", {"train.csv": text("a,b,c\n1e3,.5,-1\n2.5E-1,5.,+2\n")})
# Compressed
case("gzip csv", {"train.csv.gz": binary(gzip.compress(b"id\n1\n")), "test.csv.gz": binary(gzip.compress(b"id\n2\n"))})
case("gzip text", {"a.txt.gz": binary(gzip.compress(b"x\ny\n"))})
case("zip of jsonl", {"train.zip": zipped({"b/two.jsonl": '{"a": 2}\n', "one.jsonl": '{"a": 1}\n', "a/three.jsonl": '{"a": 3}\n'}), "test.zip": zipped({"x.jsonl": '{"a": 4}\n'})})
case("zip of pictures and a table", {"train.zip": zipped({"1.png": png(1), "2.png": png(2), "metadata.jsonl": '{"file_name": "2.png", "t": "two"}\n{"file_name": "1.png", "t": "one"}\n'})})
# Files that are a sample
case("pictures in splits", {f"{s}/{c}/{k}.png": binary(png(k)) for k, (s, c) in enumerate([("train", "b"), ("train", "a"), ("test", "a")])})
case("pictures of one class", {"cat/1.png": binary(png(1)), "cat/2.png": binary(png(2))})
case("pictures at several depths", {"cat/1.png": binary(png(1)), "x/dog/2.png": binary(png(2))})
case("a table in each split", {"train/1.png": binary(png(1)), "train/metadata.csv": text("file_name,n\n1.png,1\n"), "test/2.png": binary(png(2)), "test/metadata.csv": text("file_name,n\n2.png,2\n")})
case("a table as jsonl", {"1.png": binary(png(1)), "d/2.png": binary(png(2)), "metadata.jsonl": text('{"file_name": "d/2.png", "objects": {"bbox": [[1, 2]], "categories": [0]}}\n{"file_name": "1.png", "objects": {"bbox": [], "categories": []}}\n')})
case("a table as Parquet", {"1.png": binary(png(1)), "metadata.parquet": parquet({"file_name": ["1.png"], "caption": ["one"]})})
case("several files in a row", {"a.png": binary(png(1)), "b.png": binary(png(2)), "metadata.jsonl": text('{"left_file_name": "a.png", "right_file_name": "b.png", "k": 1}\n')})
case("lists of files", {"a.png": binary(png(1)), "b.png": binary(png(2)), "metadata.jsonl": text('{"file_names": ["a.png", "b.png"], "k": 1}\n')})
case("a table that leaves pictures out", {"1.png": binary(png(1)), "2.png": binary(png(2)), "metadata.csv": text("file_name,c\n1.png,x\n")}, may_refuse="a picture is left out")
case("a table that leads out", {"d/1.png": binary(png(1)), "d/metadata.csv": text("file_name,c\n../../x.png,x\n")}, may_refuse="fails when it is read")
case("a table without names", {"1.png": binary(png(1)), "metadata.csv": text("name,c\n1.png,x\n")})
case("tables of two formats", {"a/1.png": binary(png(1)), "a/metadata.csv": text("file_name\n1.png\n"), "b/2.png": binary(png(2)), "b/metadata.jsonl": text('{"file_name": "2.png"}\n')})
case("labels on request", {"cat/1.png": binary(png(1)), "dog/2.png": binary(png(2)), "README.md": card("configs:\n- config_name: default\n  data_files: '**'\n  drop_labels: true\n")})
case("pictures and text", {"cat/1.png": binary(png(1)), "dog/2.png": binary(png(2)), "dog/3.png": binary(png(3)), "classes.txt": text("cat\ndog\n")})
case("tar with pictures", {"train-0.tar": tarred({"a.png": png(1), "a.cls": b"3", "b.png": png(2), "b.cls": b"4"})})
case("tar with other members", {"x.tar": tarred({"a.txt": b"one", "a.json": b"{}", "b.txt": b"two"})}, may_refuse="samples differ")
case("formats by split", {"train.csv": rows(1), "test.jsonl": text('{"id": 1}\n')})
case("text and csv", {"a.txt": text("x\n"), "b.txt": text("y\n"), "c.csv": rows(1)}, may_refuse="a file is left out")
case("lines of text", {"train.txt": text("a\n\n b \r\nc")})
ten = text("".join(f'{{"i": {i}}}\n' for i in range(10)))
case("slices", {"train.jsonl": ten, "test.jsonl": ten}, *({"split": s} for s in ["train[:]", "train[-3:]", "train[:-3]", "train[2:2]", "train[20:]", "train[-20:2]", "train[25%:75%]", "train[-30%:]", "train[1_0:]", "train + test[5:6]", "train+train[:1]", "all", "all[:2]", "train[:50%](closest)", "train[:5](closest)", "train[:50%](up)", "train[:50%](closest)+test[:50%](pct1_dropremainder)", "train[5]", "", "train+", "train[:1.5]", "train[:55%]", "train[:-101%]"]))

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "more-layouts.json"), "w") as out:
    json.dump({"datasets": datasets.__version__, "cases": cases}, out, indent=1, ensure_ascii=False)
print(len(cases), "cases,", sum(len(c["calls"]) for c in cases), "calls")
