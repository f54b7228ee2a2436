# python randperm.py <elements>: torch.randperm. Memory excludes that of an empty process.
import json
import resource
import sys
import time

import torch


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


torch.set_num_threads(1)
n = int(sys.argv[1])
torch.randperm(10_000)
memory = peak()
generator = torch.Generator().manual_seed(42)
cpu = time.process_time()
started = time.perf_counter()
torch.randperm(n, generator=generator)
seconds = time.perf_counter() - started
cpu = time.process_time() - cpu
print(json.dumps({"amount": n, "seconds": seconds, "cpuSeconds": cpu, "peakMiB": peak() - memory}))
