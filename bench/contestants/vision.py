# torchvision's datasets and transforms. Its compiled operators are not used here. If they were built for a different
# PyTorch, only their registration fails, and the import needs no more than their names.
import importlib.util
import pathlib
import re

import torch

try:
    from torchvision import datasets, transforms
except RuntimeError:
    folder = pathlib.Path(importlib.util.find_spec("torchvision").origin).parent
    source = (folder / "_meta_registrations.py").read_text()
    names = set(re.findall(r"torchvision::(\w+)", source)) | set(re.findall(r'register_meta\("(\w+)"', source))
    library = torch.library.Library("torchvision", "DEF")
    for name in names:
        library.define(f"{name}(Tensor x) -> Tensor")
    from torchvision import datasets, transforms

__all__ = ["datasets", "transforms"]
