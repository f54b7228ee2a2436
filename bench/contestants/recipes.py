# The recipes of `bench -- images`, by name, for images of PIL. recipes.js has the same for Millrace.
from vision import transforms as t

bilinear = t.InterpolationMode.BILINEAR


def finished(*steps):
    return t.Compose([*steps, t.ToTensor(), t.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))])


def cropped(*steps):
    return finished(t.RandomResizedCrop(224), t.RandomHorizontalFlip(), *steps)


def recipe(name):
    match name:
        case "training":
            return cropped()
        case "bytes":
            return t.Compose([t.RandomResizedCrop(224), t.RandomHorizontalFlip(), t.PILToTensor()])
        case "evaluation":
            return finished(t.Resize(256), t.CenterCrop(224))
        case "jitter":
            return cropped(t.ColorJitter(0.4, 0.4, 0.4, 0.1))
        case "randAugment":
            return cropped(t.RandAugment())
        case "trivialAugmentWide":
            return cropped(t.TrivialAugmentWide())
        case "autoAugment":
            return cropped(t.AutoAugment())
        case "augMix":
            return cropped(t.AugMix())
        case "affine":
            affine = t.RandomAffine(30, (0.1, 0.1), (0.8, 1.2), 10, interpolation=bilinear)
            return finished(t.Resize((256, 256)), affine, t.RandomHorizontalFlip())
        case "blur":
            return cropped(t.GaussianBlur(23, (0.1, 2.0)), t.RandomGrayscale(0.2))
    raise ValueError(f"There is no recipe {name}")


def annotated(name):
    """A recipe for an image with a mask and boxes, by torchvision's second interface."""
    import torch
    from torchvision.transforms import v2

    if name != "mask":
        raise ValueError(f"There is no recipe {name}")
    steps = v2.Compose(
        [
            v2.RandomResizedCrop(224),
            v2.RandomHorizontalFlip(),
            v2.RandomRotation(15, interpolation=bilinear),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )
    return steps
