# torchvision's datasets and transforms. Its operators are not used here; where they were built for another PyTorch, the import
# fails on them alone, and their names are all that it asks for.
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
