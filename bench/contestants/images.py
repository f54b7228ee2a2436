# python images.py <folder> <workers> <seconds>: training images through torchvision (PIL) and PyTorch's DataLoader.
import sys

import torch
from torch.utils.data import DataLoader

from report import endless, measure_for
from vision import datasets, transforms

folder, workers, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
torch.set_num_threads(1)
steps = transforms.Compose(
    [
        transforms.RandomResizedCrop(224),
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ]
)
dataset = datasets.ImageFolder(folder, steps)
loader = DataLoader(dataset, batch_size=64, shuffle=True, num_workers=workers, persistent_workers=workers > 0)
measure_for(seconds, endless(loader, lambda batch: len(batch[1])), 2)
