// The recipes of `bench -- images`, by name. recipes.py has the same for torchvision.
import {
  augment,
  centerCrop,
  colorJitter,
  normalize,
  randomHorizontalFlip,
  randomResizedCrop,
  resize,
} from 'millrace/images';

const crop = [randomResizedCrop(224), randomHorizontalFlip()];
const jitter = colorJitter({ brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 });

export const recipes = {
  training: [...crop, normalize()],
  bytes: crop,
  evaluation: [resize(256), centerCrop(224), normalize()],
  jitter: [...crop, jitter, normalize()],
  randAugment: [...crop, augment.randAugment(), normalize()],
  trivialAugmentWide: [...crop, augment.trivialAugmentWide(), normalize()],
  autoAugment: [...crop, augment.autoAugment(), normalize()],
  augMix: [...crop, augment.augMix(), normalize()],
  affine: [
    resize([256, 256]),
    augment.randomAffine(30, {
      translate: [0.1, 0.1],
      scale: [0.8, 1.2],
      shear: [
        [-10, 10],
        [0, 0],
      ],
    }),
    randomHorizontalFlip(),
    normalize(),
  ],
  blur: [
    ...crop,
    augment.gaussianBlur({ kernelSize: 23, sigma: [0.1, 2] }),
    augment.randomGrayscale(0.2),
    normalize(),
  ],
  mask: [...crop, augment.randomRotation(15), normalize()],
};
