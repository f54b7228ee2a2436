# python overhead.py <batch size> <workers> <seconds> <usual|whole>: an empty pipeline through PyTorch's DataLoader.
import sys

import torch
from torch.utils.data import BatchSampler, DataLoader, Dataset, SequentialSampler

from report import endless, measure_for

batch_size, workers, seconds, kind = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
torch.set_num_threads(1)


class Numbers(Dataset):
    def __len__(self):
        return 1_000_000

    def __getitem__(self, index):
        return float(index)


class Whole(Numbers):
    def __getitem__(self, indices):
        return torch.tensor(indices, dtype=torch.float32)


if kind == "usual":
    loader = DataLoader(Numbers(), batch_size=batch_size, num_workers=workers)
else:
    sampler = BatchSampler(SequentialSampler(Whole()), batch_size, False)
    loader = DataLoader(Whole(), sampler=sampler, batch_size=None, num_workers=workers)
measure_for(seconds, endless(loader, lambda batch: 1), 1)
