# python difficulty.py <samples> <processes>: DeepSpeed's DataAnalyzer over plain numbers, map and reduce, with batches of a thousand,
# from the checkout in MILLRACE_DEEPSPEED. The rest of DeepSpeed is stubbed: this is the only rank.
import os
import sys
import tempfile
import time

import torch

import deepspeed_alone  # noqa: F401
from report import children_cpu_seconds, cpu_seconds, report

torch.set_num_threads(1)

from deepspeed.runtime.data_pipeline.data_sampling.data_analyzer import DataAnalyzer  # noqa: E402

samples, processes = int(sys.argv[1]), int(sys.argv[2])


class Numbers(torch.utils.data.Dataset):
    def __len__(self):
        return samples

    def __getitem__(self, index):
        return (index * 7919) % 2048


def value(batch):
    return batch


with tempfile.TemporaryDirectory(dir=os.environ.get("MILLRACE_BENCH_DIR")) as folder:
    cpu, started = cpu_seconds() + children_cpu_seconds(), time.perf_counter()
    analyzer = DataAnalyzer(
        Numbers(),
        num_threads=processes,
        num_threads_reduce=processes,
        batch_size=1000,
        metric_names=["seqlen"],
        metric_functions=[value],
        metric_types=["single_value_per_sample"],
        metric_dtypes=[torch.int64],
        save_path=folder,
    )
    analyzer.run_map()
    analyzer.run_reduce()
    elapsed = time.perf_counter() - started
    children = os.times()
    report(samples, elapsed, cpu_seconds() + children.children_user + children.children_system - cpu)
