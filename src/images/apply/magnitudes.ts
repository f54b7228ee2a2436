import type { PlanarSize } from '../planar/planar-image.js';
import { roundHalfEven } from '../planar/planar-image.js';
import type { PolicyOperation } from './policy-operations.js';

/** The magnitudes of an operation, from weak to strong. */
export interface Magnitudes {
  /** One of `bins` magnitudes for an image of a size. */
  at(place: number, bins: number, image: PlanarSize): number;
  /** Whether a random sign is applied. */
  readonly isSigned: boolean;
}

/** Operations of a policy, in torchvision's order; `undefined`: an operation without a magnitude. */
export type PolicySpace = ReadonlyMap<PolicyOperation, Magnitudes | undefined>;

function spaced(end: number | ((image: PlanarSize) => number), start = 0, isSigned = true): Magnitudes {
  return {
    isSigned,
    at: (place, bins, image) => spacedAt(place, bins, start, typeof end === 'number' ? end : end(image)),
  };
}

/** One of `n` evenly spaced float32 numbers, as PyTorch's `linspace` computes it: from the nearer end. */
function spacedAt(place: number, n: number, start: number, end: number): number {
  const [first, last] = [Math.fround(start), Math.fround(end)];
  const step = Math.fround(Math.fround(last - first) / (n - 1));
  return place < Math.trunc(n / 2)
    ? Math.fround(first + step * place)
    : Math.fround(last - step * (n - 1 - place));
}

/** Bits that posterizing keeps: from `most`, `range` fewer at the end. */
function bits(most: number, range: number): Magnitudes {
  return {
    isSigned: false,
    at: (place, bins) =>
      roundHalfEven(Math.fround(most - Math.fround(place / Math.fround((bins - 1) / range)))),
  };
}

const solarize = spaced(0, 1, false);

/** The magnitudes that most policies share. */
function usual(
  shear: number,
  translateX: Magnitudes,
  translateY: Magnitudes,
  degrees: number,
  posterize: Magnitudes,
): [PolicyOperation, Magnitudes | undefined][] {
  return [
    ['ShearX', spaced(shear)],
    ['ShearY', spaced(shear)],
    ['TranslateX', translateX],
    ['TranslateY', translateY],
    ['Rotate', spaced(degrees)],
    ['Posterize', posterize],
    ['Solarize', solarize],
    ['AutoContrast', undefined],
    ['Equalize', undefined],
  ];
}

function colors(strength: number): [PolicyOperation, Magnitudes][] {
  return (['Brightness', 'Color', 'Contrast', 'Sharpness'] as const).map((name) => [name, spaced(strength)]);
}

const shareOfWidth = spaced(({ width }) => (150 / 331) * width);
const shareOfHeight = spaced(({ height }) => (150 / 331) * height);
const published = [...usual(0.3, shareOfWidth, shareOfHeight, 30, bits(8, 4)), ...colors(0.9)];

export const randAugmentSpace: PolicySpace = new Map([['Identity', undefined], ...published]);

export const autoAugmentSpace: PolicySpace = new Map([...published, ['Invert', undefined]]);

export const trivialAugmentSpace: PolicySpace = new Map([
  ['Identity', undefined],
  ...usual(0.99, spaced(32), spaced(32), 135, bits(8, 6)),
  ...colors(0.99),
]);

const third = (side: 'width' | 'height') => spaced((image) => image[side] / 3);
const withoutColors = usual(0.3, third('width'), third('height'), 30, bits(4, 4));

/** AugMix's operations, with and without brightness, contrast, saturation and sharpness. */
export const augMixSpaces: Readonly<Record<'all' | 'some', PolicySpace>> = {
  all: new Map([...withoutColors, ...colors(0.9)]),
  some: new Map(withoutColors),
};
