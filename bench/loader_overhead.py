# PyTorch's side of loader-overhead.bench.ts: prints batches a second.
import sys
import time

import torch
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
batch_size, num_workers = int(sys.argv[1]), int(sys.argv[2])


class Numbers(Dataset):
    def __len__(self):
        return 64_000

    def __getitem__(self, index):
        return float(index)


loader = DataLoader(Numbers(), batch_size=batch_size, num_workers=num_workers)
batches = 0
iterator = iter(loader)
next(iterator)
started = time.perf_counter()
for _ in iterator:
    batches += 1
    if time.perf_counter() - started > 2:
        break
print(batches / (time.perf_counter() - started))
