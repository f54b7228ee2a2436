# python tars.py <folder> <epochs> <workers>: JPEGs of tar shards → training crops, batch 32, through webdataset, torchvision (PIL)
# and PyTorch's DataLoader, as in webdataset's own examples. MILLRACE_WEBDATASET names a folder with the package, where it is not
# installed. Without arguments: whether it can be imported.
import glob
import os
import resource
import sys
import time
import types

sys.path.insert(0, os.environ.get("MILLRACE_WEBDATASET", ""))
try:
    import braceexpand
except ImportError:
    # The shards are listed one by one, so no braces need to be expanded.
    sys.modules["braceexpand"] = types.SimpleNamespace(braceexpand=lambda pattern: [pattern])

import webdataset

if len(sys.argv) == 1:
    sys.exit(0)

import torch

from report import cpu_seconds, report
from vision import transforms

folder, epochs, workers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(1)


def everything():
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return cpu_seconds() + children.ru_utime + children.ru_stime


started, before = time.perf_counter(), everything()
steps = transforms.Compose(
    [
        transforms.RandomResizedCrop(224),
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ]
)
shards = sorted(glob.glob(os.path.join(folder, "*.tar")))
dataset = (
    webdataset.WebDataset(shards, shardshuffle=len(shards))
    .shuffle(1000)
    .decode("pil")
    .to_tuple("jpg", "cls")
    .map_tuple(steps, None)
    .batched(32)
)
loader = webdataset.WebLoader(dataset, batch_size=None, num_workers=workers)
amount = 0
for _ in range(epochs):
    for images, classes in loader:
        assert images.shape == (len(classes), 3, 224, 224)
        amount += len(classes)
report(amount, time.perf_counter() - started, everything() - before)
