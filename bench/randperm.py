# PyTorch's side of randperm.bench.ts: prints elements a second, or with "memory" the bytes above those before (Linux).
import re
import sys
import time

import torch


def peak():
    with open("/proc/self/status") as status:
        return 1024 * int(re.search(r"VmHWM:\s+(\d+)", status.read())[1])


torch.set_num_threads(1)
n = int(sys.argv[1])
measures_memory = "memory" in sys.argv
torch.randperm(1_000)
before = peak() if measures_memory else 0
generator = torch.Generator().manual_seed(42)
started = time.perf_counter()
torch.randperm(n, generator=generator)
elapsed = time.perf_counter() - started
print(peak() - before if measures_memory else n / elapsed)
