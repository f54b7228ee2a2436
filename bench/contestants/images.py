# python images.py <folder> <workers> <seconds> [recipe]: images through torchvision (PIL) and PyTorch's DataLoader, by
# a recipe of recipes.py.
import sys

import torch
from torch.utils.data import DataLoader

from recipes import annotated, recipe
from report import endless, measure_for
from vision import datasets


class Annotated(datasets.ImageFolder):
    """Every image with a mask of its size and three boxes."""

    def __init__(self, root):
        from torchvision import tv_tensors

        super().__init__(root)
        self.steps = annotated(name)
        self.mask = tv_tensors.Mask((torch.arange(375 * 500) % 500 // 128).to(torch.uint8).reshape(375, 500))
        boxes = [[10, 10, 200, 150], [100, 50, 300, 350], [250, 200, 480, 360]]
        self.boxes = tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=(375, 500), dtype=torch.float32)

    def __getitem__(self, index):
        image, mask, boxes = self.steps(super().__getitem__(index)[0], self.mask, self.boxes)
        return image, mask, len(boxes)


folder, workers, seconds, name = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), (sys.argv[4:] or ["training"])[0]
torch.set_num_threads(1)
dataset = Annotated(folder) if name == "mask" else datasets.ImageFolder(folder, recipe(name))
loader = DataLoader(dataset, batch_size=64, shuffle=True, num_workers=workers, persistent_workers=workers > 0)
measure_for(seconds, endless(loader, lambda batch: len(batch[1])), 2)
