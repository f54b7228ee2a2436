# python resume.py <samples> <drop|skip>: the same with torch: drops batches, or uses a sampler that skips indices.
import sys
import time

import torch
from torch.utils.data import DataLoader, Dataset, RandomSampler

from report import report

samples, kind = int(sys.argv[1]), sys.argv[2]
batch_size, length = 32, 256
middle = samples // batch_size // 2


class Windows(Dataset):
    def __init__(self):
        self.tokens = torch.arange(samples + length, dtype=torch.int32) * 7

    def __len__(self):
        return samples

    def __getitem__(self, index):
        return self.tokens[index : index + length], self.tokens[index + 1 : index + 1 + length]


class Skipping(RandomSampler):
    def __iter__(self):
        indices = super().__iter__()
        for _ in range(middle * batch_size):
            next(indices)
        return indices


dataset = Windows()
torch.set_num_threads(1)
cpu = time.process_time()
started = time.perf_counter()
generator = torch.Generator().manual_seed(1)
sampler = (Skipping if kind == "skip" else RandomSampler)(dataset, generator=generator)
batches = iter(DataLoader(dataset, batch_size=batch_size, sampler=sampler))
if kind == "drop":
    for _ in range(middle):
        next(batches)
next(batches)
report(1, time.perf_counter() - started, time.process_time() - cpu)
