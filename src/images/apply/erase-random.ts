import type { SampleRandom } from '../../core/dataset.js';
import { mapEach } from '../../core/map-each.js';
import type { ErasingStep } from '../augment/erasing-step.js';
import type { ImageLayout } from '../normalize-pixels.js';
import { type PlanarSize, roundHalfEven } from '../planar/planar-image.js';

/** The values of an image, in the order of its layout. */
export interface Erasable extends PlanarSize {
  readonly channels: number;
  readonly layout: ImageLayout;
  readonly data: Float32Array | Uint8Array;
}

const tries = 10;

/** Erases a random rectangle, or nothing if none of ten fits. Changes the image; alpha stays as it is. */
export function eraseRandom(image: Erasable, step: ErasingStep, rng: SampleRandom): void {
  if (!rng.boolean(step.probability)) return;
  const { height, width } = image;
  const [low, high] = mapEach(step.ratio, Math.log);
  for (let attempt = 0; attempt < tries; attempt++) {
    const area = height * width * (step.scale[0] + rng.float() * (step.scale[1] - step.scale[0]));
    const ratio = Math.exp(low + rng.float() * (high - low));
    const h = roundHalfEven(Math.sqrt(area * ratio));
    const w = roundHalfEven(Math.sqrt(area / ratio));
    if (h >= height || w >= width) continue;
    const top = rng.integer(0, height - h + 1);
    const left = rng.integer(0, width - w + 1);
    fill(image, { top, left, h, w }, step.value, rng);
    return;
  }
}

function fill(
  { channels, height, width, layout, data }: Erasable,
  {
    top,
    left,
    h,
    w,
  }: { readonly top: number; readonly left: number; readonly h: number; readonly w: number },
  value: ErasingStep['value'],
  rng: SampleRandom,
): void {
  const [step, next] = layout === 'NHWC' ? [channels, 1] : [1, height * width];
  const random = data instanceof Float32Array ? () => rng.normal() : () => rng.integer(0, 256);
  for (let channel = 0; channel < Math.min(3, channels); channel++) {
    const one = typeof value === 'object' ? value[channel]! : value;
    for (let y = top; y < top + h; y++) {
      const row = channel * next + y * width * step;
      if (step === 1 && one !== 'random') {
        data.fill(Number(one), row + left, row + left + w);
        continue;
      }
      for (let x = left; x < left + w; x++) data[row + x * step] = one === 'random' ? random() : Number(one);
    }
  }
}
