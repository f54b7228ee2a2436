# python served.py <tokens|images|texts> <data> <workers> <shared|socket> <seconds>: batches of millrace serve in PyTorch. `texts` needs
# MILLRACE_BENCH_TOKENIZER.
# The server is a child of this process, so that its processor time counts.
import os
import subprocess
import sys
import tempfile

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, "..", "..", "python"))

import torch

import millrace
from report import endless, measure_for

kind, data, workers, way, seconds = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], float(sys.argv[5])
torch.set_num_threads(1)
environment = {
    **os.environ,
    "MILLRACE_BENCH_KIND": kind,
    "MILLRACE_BENCH_DATA": data,
    "MILLRACE_BENCH_WORKERS": workers,
}
amounts = {
    "tokens": lambda batch: batch["x"].numel(),
    "images": lambda batch: len(batch["label"]),
    "texts": lambda batch: len(batch["x"]),
}
command = os.path.join(here, "..", "..", "dist", "cli", "main.js")

with tempfile.TemporaryDirectory() as folder:
    address = f"unix:{folder}/s"
    server = subprocess.Popen(
        ["node", command, "serve", os.path.join(here, "served-loaders.js"), "--listen", address],
        env=environment,
        stdout=subprocess.PIPE,
    )
    try:
        server.stdout.readline()
        loader = millrace.Loader(address, shared_memory=way == "shared")
        measure_for(seconds, endless(loader, amounts[kind]), 2)
        loader.close()
    finally:
        server.terminate()
        server.wait()
