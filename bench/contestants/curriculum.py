# python curriculum.py <samples> <index> <ready|growing|grown>: the same with DeepSpeedDataSampler, from the checkout in MILLRACE_DEEPSPEED.
# The rest of DeepSpeed is stubbed, including communication: this is the only rank.
import json
import resource
import sys
import tempfile
import time
import types

import torch

import deepspeed_alone  # noqa: F401

torch.set_num_threads(1)

from deepspeed.runtime.data_pipeline.data_sampling.data_sampler import DeepSpeedDataSampler  # noqa: E402

samples, index, phase = int(sys.argv[1]), sys.argv[2], sys.argv[3]
growing = 400
metric = {
    "index_to_sample_path": index,
    "difficulty_type": "percentile",
    "clustering_type": "schedule_based",
    "min_difficulty": 1,
    "max_difficulty": 100,
    "schedule_type": "fixed_linear",
    "schedule_config": {"total_curriculum_step": growing, "difficulty_step": 1},
}


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def take(batches, count):
    for _ in range(count):
        next(batches)


with tempfile.TemporaryDirectory() as clusters:
    curriculum = {"enabled": True, "data_cluster_path": clusters, "curriculum_metrics": {"rank": metric}}
    config = {"seed": 1, "data_sampling": {"num_epochs": 1000, "curriculum_learning": curriculum}}
    memory, amount = peak(), 1
    cpu, started = time.process_time(), time.perf_counter()
    group = types.SimpleNamespace(size=lambda: 1)
    batches = iter(DeepSpeedDataSampler(config, samples, 512, 0, 1, group, 1, 0))
    take(batches, 1)
    if phase != "ready":
        amount = growing if phase == "growing" else 1_000
        if phase == "grown":
            take(batches, growing)
            cpu, started = time.process_time(), time.perf_counter()
        take(batches, amount)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    print(json.dumps({"amount": amount, "seconds": seconds, "cpuSeconds": cpu, "peakMiB": peak() - memory}))
