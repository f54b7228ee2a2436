import type { SampleContext } from '../core/dataset.js';
import { ConfigError } from '../core/errors.js';
import { applyColorStep } from './apply/apply-pixel-step.js';
import { applyPolicy } from './apply/apply-policy.js';
import { eraseRandom } from './apply/erase-random.js';
import type { OwnFloatStep } from './augment/after-normalize.js';
import type { CropsStep } from './augment/crops-step.js';
import { checkedLevels } from './check-own-step.js';
import type { GeometryStep } from './geometry/draw-moves.js';
import type { FinishingStep } from './image-finisher.js';
import type { ImageTransform, NamedStep, StepOf } from './image-transform.js';
import type { PlanarImage } from './planar/planar-image.js';

/** A group of steps: joined geometry, or one change of pixels. */
export type StepGroup =
  | { readonly kind: 'geometry'; readonly steps: readonly GeometryStep[] }
  | {
      readonly kind: 'pixels';
      readonly change: (image: PlanarImage, context: SampleContext) => PlanarImage;
    };

/** Steps in the order in which they run. */
export interface StepPlan {
  /** The leading geometry: only the part of a file that it needs is decoded. */
  readonly leading: readonly GeometryStep[];
  readonly rest: readonly StepGroup[];
  readonly normalize: StepOf<'normalize'> | undefined;
  /** Makes several images of one, before `normalize`. */
  readonly crops: CropsStep | undefined;
  /** The steps after `normalize`. */
  readonly finishing: readonly FinishingStep[];
}

/** @throws {@link ConfigError} for steps in an impossible order. */
export function planSteps(steps: readonly ImageTransform[]): StepPlan {
  const groups: StepGroup[] = [];
  let normalize: StepOf<'normalize'> | undefined;
  let crops: CropsStep | undefined;
  const finishing: FinishingStep[] = [];
  for (const [k, step] of steps.entries()) {
    if (normalize) {
      if (typeof step === 'function' || (step.type !== 'randomErasing' && step.type !== 'afterNormalize'))
        refuse(k, step, 'cannot come after normalize');
      finishing.push(step);
    } else if (crops && (typeof step === 'function' || step.type !== 'normalize'))
      refuse(k, step, `cannot come after ${crops.type}`);
    else if (typeof step === 'function')
      groups.push({
        kind: 'pixels',
        change: (image, context) => checkedLevels(step, image, context, k),
      });
    else if (step.type === 'afterNormalize') refuse(k, step, 'needs a normalize before it');
    else if (step.type === 'normalize') normalize = step;
    else if (step.type === 'fiveCrop' || step.type === 'tenCrop') crops = step;
    else if (isGeometry(step)) {
      const last = groups.at(-1);
      if (last?.kind === 'geometry') groups[groups.length - 1] = { ...last, steps: [...last.steps, step] };
      else groups.push({ kind: 'geometry', steps: [step] });
    } else groups.push({ kind: 'pixels', change: changeOf(step) });
  }
  const [first] = groups;
  const leading = first?.kind === 'geometry' ? first.steps : [];
  return { leading, rest: leading.length > 0 ? groups.slice(1) : groups, crops, normalize, finishing };
}

function refuse(k: number, step: ImageTransform, problem: string): never {
  const name = typeof step === 'function' ? 'a function' : step.type;
  throw new ConfigError('ImagePipeline transforms', [{ field: `[${k}]`, message: `${name} ${problem}` }]);
}

const geometry: ReadonlySet<NamedStep['type']> = new Set<GeometryStep['type']>([
  'resize',
  'centerCrop',
  'randomResizedCrop',
  'randomHorizontalFlip',
  'randomVerticalFlip',
  'pad',
  'randomCrop',
  'randomRotation',
  'randomAffine',
  'randomPerspective',
]);

function isGeometry(step: NamedStep): step is GeometryStep {
  return geometry.has(step.type);
}

function changeOf(
  step: Exclude<NamedStep, GeometryStep | CropsStep | OwnFloatStep | StepOf<'normalize'>>,
): (image: PlanarImage, context: SampleContext) => PlanarImage {
  switch (step.type) {
    case 'randAugment':
    case 'trivialAugmentWide':
    case 'autoAugment':
    case 'augMix':
      return (image, { rng }) => onColors(image, (colors) => applyPolicy(colors, step, rng));
    case 'randomErasing':
      return (image, { rng }) => {
        const erased = { ...image, data: image.data.slice() };
        eraseRandom({ ...erased, layout: 'NCHW' }, step, rng);
        return erased;
      };
    default:
      return (image, { rng }) => onColors(image, (colors) => applyColorStep(colors, step, rng));
  }
}

/** Applies a change to the colors of an image; alpha stays as it is. */
function onColors(image: PlanarImage, change: (colors: PlanarImage) => PlanarImage): PlanarImage {
  if (image.channels !== 4) return change(image);
  const pixels = image.height * image.width;
  const colors = change({ ...image, channels: 3, data: image.data.subarray(0, 3 * pixels) });
  const data = new Uint8Array(image.data);
  data.set(colors.data);
  return { ...image, data };
}

/** Height and width of every result of steps; `undefined` if they depend on the image. */
export function fixedSizeOf(
  steps: readonly ImageTransform[],
): readonly [height: number, width: number] | undefined {
  let size: readonly [number, number] | undefined;
  for (const step of steps) {
    if (typeof step === 'function') continue;
    if (step.type === 'fiveCrop' || step.type === 'tenCrop') size = step.size;
    else if (step.type === 'centerCrop' || step.type === 'randomResizedCrop' || step.type === 'randomCrop')
      size = step.size;
    else if (step.type === 'resize') size = typeof step.size === 'number' ? undefined : step.size;
    else if (step.type === 'randomRotation' && step.expand) size = undefined;
    else if (step.type === 'pad' && size) {
      const [left, top, right, bottom] = step.padding;
      size = [size[0] + top + bottom, size[1] + left + right];
    }
  }
  return size;
}
