# python order.py <n>: the epoch of rank 3 of 64 from torch's DistributedSampler.
import json
import resource
import sys
import time

import torch
from torch.utils.data import DistributedSampler


class Sized:
    def __init__(self, length):
        self.length = length

    def __len__(self):
        return self.length


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


torch.set_num_threads(1)
n = int(sys.argv[1])
sum(DistributedSampler(Sized(10_000), num_replicas=64, rank=3, seed=1))
memory = peak()
cpu = time.process_time()
started = time.perf_counter()
sum(DistributedSampler(Sized(n), num_replicas=64, rank=3, seed=1))
seconds = time.perf_counter() - started
cpu = time.process_time() - cpu
print(json.dumps({"amount": 1, "seconds": seconds, "cpuSeconds": cpu, "peakMiB": peak() - memory}))
