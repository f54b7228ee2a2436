import type { SampleContext } from '../core/dataset.js';
import { ConfigError, ShapeError } from '../core/errors.js';
import { applyColorStep } from './apply/apply-pixel-step.js';
import { applyPolicy } from './apply/apply-policy.js';
import { eraseRandom } from './apply/erase-random.js';
import type { ErasingStep } from './augment/erasing-step.js';
import { imageTensor } from './functional/image-argument.js';
import type { GeometryStep } from './geometry/draw-moves.js';
import type { ImageTransform, NamedStep, PixelFunction, StepOf } from './image-transform.js';
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
  /** Erasing after `normalize`. */
  readonly erasing: readonly ErasingStep[];
}

/** @throws {@link ConfigError} for a step that cannot come after `normalize`. */
export function planSteps(steps: readonly ImageTransform[]): StepPlan {
  const groups: StepGroup[] = [];
  let normalize: StepOf<'normalize'> | undefined;
  const erasing: ErasingStep[] = [];
  for (const [k, step] of steps.entries()) {
    if (normalize) {
      if (typeof step === 'function' || step.type !== 'randomErasing') refuse(k, step);
      erasing.push(step as ErasingStep);
    } else if (typeof step === 'function') groups.push({ kind: 'pixels', change: ownStep(step, k) });
    else if (step.type === 'normalize') normalize = step;
    else if (isGeometry(step)) {
      const last = groups.at(-1);
      if (last?.kind === 'geometry') groups[groups.length - 1] = { ...last, steps: [...last.steps, step] };
      else groups.push({ kind: 'geometry', steps: [step] });
    } else groups.push({ kind: 'pixels', change: changeOf(step) });
  }
  const [first] = groups;
  const leading = first?.kind === 'geometry' ? first.steps : [];
  return { leading, rest: leading.length > 0 ? groups.slice(1) : groups, normalize, erasing };
}

function refuse(k: number, step: ImageTransform): never {
  const name = typeof step === 'function' ? 'a function' : step.type;
  throw new ConfigError('ImagePipeline transforms', [
    { field: `[${k}]`, message: `${name} cannot come after normalize` },
  ]);
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
  step: Exclude<NamedStep, GeometryStep | StepOf<'normalize'>>,
): (image: PlanarImage, context: SampleContext) => PlanarImage {
  switch (step.type) {
    case 'randAugment':
    case 'trivialAugmentWide':
    case 'autoAugment':
    case 'augMix':
      return (image, { rng }) => applyPolicy(image, step, rng);
    case 'randomErasing':
      return (image, { rng }) => {
        const erased = { ...image, data: image.data.slice() };
        eraseRandom({ ...erased, layout: 'NCHW' }, step, rng);
        return erased;
      };
    default:
      return (image, { rng }) => applyColorStep(image, step, rng);
  }
}

function ownStep(
  step: PixelFunction,
  k: number,
): (image: PlanarImage, context: SampleContext) => PlanarImage {
  return (image, context) => {
    const { dtype, shape, data } = step(imageTensor(image), context);
    const [channels, height, width] = shape as readonly [number, number, number];
    if (dtype !== 'uint8' || shape.length !== 3 || channels !== 3 || data.length === 0) {
      throw new ShapeError(`A step returned ${dtype} [${shape}], not uint8 [3, H, W]`, {
        where: { step: k },
        next: 'Return a uint8 tensor of three channels, before normalize.',
      });
    }
    return { channels, height, width, data };
  };
}

/** Height and width of every result of steps; `undefined` if they depend on the image. */
export function fixedSizeOf(
  steps: readonly ImageTransform[],
): readonly [height: number, width: number] | undefined {
  let size: readonly [number, number] | undefined;
  for (const step of steps) {
    if (typeof step === 'function') continue;
    if (step.type === 'centerCrop' || step.type === 'randomResizedCrop' || step.type === 'randomCrop')
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
