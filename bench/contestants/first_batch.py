# python first_batch.py <samples> <fork|spawn>: time from creating a loader with 2 workers to its first batch.
import sys
import time

import torch
from torch.utils.data import DataLoader, Dataset

from report import children_cpu_seconds, cpu_seconds, report


class Numbers(Dataset):
    def __init__(self, samples):
        self.items = list(range(samples))

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]


if __name__ == "__main__":
    torch.set_num_threads(1)
    dataset = Numbers(int(sys.argv[1]))
    before = cpu_seconds()
    started = time.perf_counter()
    # Sequential order: shuffling 10^7 indices alone would take PyTorch a second.
    loader = DataLoader(dataset, batch_size=32, num_workers=2, multiprocessing_context=sys.argv[2])
    iterator = iter(loader)
    next(iterator)
    seconds = time.perf_counter() - started
    report(1, seconds, cpu_seconds() + children_cpu_seconds() - before)
