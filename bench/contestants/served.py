# python served.py <tokens|images> <data> <workers> <shared|socket> <seconds>: batches of millrace serve in PyTorch.
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
variable = "MILLRACE_BENCH_TOKENS" if kind == "tokens" else "MILLRACE_BENCH_IMAGES"
environment = {**os.environ, variable: data, "MILLRACE_BENCH_WORKERS": workers}
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
        amount = (lambda batch: batch["x"].numel()) if kind == "tokens" else (lambda batch: len(batch["label"]))
        measure_for(seconds, endless(loader, amount), 2)
        loader.close()
    finally:
        server.terminate()
        server.wait()
