# python windows.py <bin file> <usual|whole> <workers> <seconds>: random token windows through PyTorch's DataLoader.
import sys

import numpy as np
import torch
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler

from report import endless, measure_for

path, kind, workers, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
torch.set_num_threads(1)
LENGTH = 2048


class Windows(Dataset):
    def __init__(self):
        self.tokens = np.memmap(path, dtype=np.uint16, mode="r")

    def __len__(self):
        return (len(self.tokens) - 1) // LENGTH


class Usual(Windows):
    """One window at a time, as in most training scripts."""

    def __getitem__(self, index):
        both = self.tokens[index * LENGTH : index * LENGTH + LENGTH + 1].astype(np.int32)
        return torch.from_numpy(both[:-1]), torch.from_numpy(both[1:])


class Whole(Windows):
    """One batch at a time, written to one array."""

    def __getitem__(self, indices):
        both = np.empty((len(indices), LENGTH + 1), np.int32)
        for k, index in enumerate(indices):
            both[k] = self.tokens[index * LENGTH : index * LENGTH + LENGTH + 1]
        batch = torch.from_numpy(both)
        return batch[:, :-1].contiguous(), batch[:, 1:].contiguous()


if kind == "usual":
    loader = DataLoader(Usual(), batch_size=32, shuffle=True, num_workers=workers)
else:
    dataset = Whole()
    sampler = BatchSampler(RandomSampler(dataset), 32, False)
    loader = DataLoader(dataset, sampler=sampler, batch_size=None, num_workers=workers)
measure_for(seconds, endless(loader, lambda batch: batch[0].numel()), 2)
