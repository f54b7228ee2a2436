# python text_windows.py <train|digest> <folder> <tokenizer folder> <workers>: texts of Parquet files → tokens → windows of 1,024
# tokens, batch 16, through Hugging Face datasets (streaming), tokenizers and PyTorch's DataLoader. See text-windows.js.
import glob
import itertools
import json
import os
import resource
import sys
import time

what, folder, tokenizer_folder, workers = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "true" if workers == 0 else "false")
sys.modules["torchvision"] = None

import datasets
import numpy as np
import torch
from datasets import load_dataset
from tokenizers import Tokenizer
from torch.utils.data import DataLoader

from report import cpu_seconds, report

datasets.disable_progress_bars()
LENGTH = 1024


def everything():
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return cpu_seconds() + children.ru_utime + children.ru_stime


started, before = time.perf_counter(), everything()
tokenizer = Tokenizer.from_file(os.path.join(tokenizer_folder, "tokenizer.json"))
config = json.load(open(os.path.join(tokenizer_folder, "tokenizer_config.json")))
eos = config["eos_token"]
end = tokenizer.token_to_id(eos["content"] if isinstance(eos, dict) else eos)
files = sorted(glob.glob(os.path.join(folder, "*.parquet")))


def to_tokens(batch):
    return {"ids": [encoding.ids + [end] for encoding in tokenizer.encode_batch(batch["text"])]}


def to_windows(batch):
    """As in the examples of transformers: texts are joined and cut, and the rest of a batch is dropped."""
    joined = np.array(list(itertools.chain.from_iterable(batch["ids"])), np.int32)
    starts = range(0, len(joined) - LENGTH, LENGTH)
    return {"x": [joined[at : at + LENGTH] for at in starts], "y": [joined[at + 1 : at + LENGTH + 1] for at in starts]}


texts = load_dataset("parquet", data_files=files, split="train", streaming=True)
if what == "digest":
    # All texts at once, so that no rest is dropped before the end.
    flow = texts.map(to_tokens, batched=True, remove_columns=["text"])
    joined = list(itertools.chain.from_iterable(row["ids"] for row in flow))
    windows = (len(joined) - 1) // LENGTH // 16 * 16
    total = 0
    for token in joined[: windows * LENGTH]:
        total = (total * 31 + token) & 0xFFFFFFFF
    print(json.dumps({"count": windows * LENGTH, "sum": total}))
else:
    torch.set_num_threads(1)
    # Shards that are read in turn count as one: leave one for each worker.
    shards = max(1, len(files) // max(1, workers))
    flow = texts.shuffle(seed=0, max_buffer_input_shards=shards).map(to_tokens, batched=True, remove_columns=["text"])
    # Arrays and PyTorch's own collate: with_format("torch") takes ten times as long, because it makes a tensor of each number first.
    flow = flow.map(to_windows, batched=True, remove_columns=["ids"])
    amount = 0
    for batch in DataLoader(flow, batch_size=16, num_workers=workers):
        amount += len(batch["x"])
    report(amount, time.perf_counter() - started, everything() - before)
