import type { SampleRandom } from '../../core/dataset.js';
import { knownValue } from '../../core/known-value.js';
import { gamma } from '../../random/gamma.js';
import type { PolicyStep } from '../augment/policy-steps.js';
import { type MixedPart, mixLevels } from '../planar/mix-levels.js';
import type { PlanarImage } from '../planar/planar-image.js';
import { autoAugmentPolicies } from './auto-augment-policies.js';
import {
  augMixSpaces,
  autoAugmentSpace,
  type Magnitudes,
  type PolicySpace,
  randAugmentSpace,
  trivialAugmentSpace,
} from './magnitudes.js';
import { applyOperation, type OperationSampling, type PolicyOperation } from './policy-operations.js';

type StepOf<T extends PolicyStep['type']> = Extract<PolicyStep, { readonly type: T }>;

/** AutoAugment's and AugMix's number of magnitudes. */
const tenBins = 10;

/** Applies a policy, with the sample's random numbers. */
export function applyPolicy(image: PlanarImage, step: PolicyStep, rng: SampleRandom): PlanarImage {
  switch (step.type) {
    case 'randAugment': {
      let changed = image;
      for (let k = 0; k < step.numOps; k++)
        changed = applyRandom(
          changed,
          randAugmentSpace,
          () => step.magnitude,
          step.numMagnitudeBins,
          step,
          rng,
        );
      return changed;
    }
    case 'trivialAugmentWide': {
      const bins = step.numMagnitudeBins;
      return applyRandom(image, trivialAugmentSpace, () => rng.integer(0, bins), bins, step, rng);
    }
    case 'autoAugment':
      return autoAugment(image, step, rng);
    case 'augMix':
      return augMix(image, step, rng);
  }
}

/** Applies one operation of a space, chosen at random. */
function applyRandom(
  image: PlanarImage,
  space: PolicySpace,
  place: () => number,
  bins: number,
  how: OperationSampling,
  rng: SampleRandom,
): PlanarImage {
  const [operation, magnitudes] = [...space][rng.integer(0, space.size)]!;
  return applyAt(image, operation, magnitudes, place, bins, how, rng);
}

function applyAt(
  image: PlanarImage,
  operation: PolicyOperation,
  magnitudes: Magnitudes | undefined,
  place: () => number,
  bins: number,
  how: OperationSampling,
  rng: SampleRandom,
): PlanarImage {
  if (!magnitudes) return applyOperation(image, operation, 0, how);
  const size = magnitudes.at(place(), bins, image);
  const magnitude = magnitudes.isSigned && rng.boolean() ? -size : size;
  return applyOperation(image, operation, magnitude, how);
}

function autoAugment(image: PlanarImage, step: StepOf<'autoAugment'>, rng: SampleRandom): PlanarImage {
  const pairs = knownValue(autoAugmentPolicies, step.policy);
  let changed = image;
  for (const { operation, probability, magnitude } of pairs[rng.integer(0, pairs.length)]!) {
    if (!rng.boolean(probability)) continue;
    const magnitudes = autoAugmentSpace.get(operation);
    changed = applyAt(changed, operation, magnitudes, () => magnitude ?? 0, tenBins, step, rng);
  }
  return changed;
}

function augMix(image: PlanarImage, step: StepOf<'augMix'>, rng: SampleRandom): PlanarImage {
  const space = augMixSpaces[step.allOps ? 'all' : 'some'];
  const [own = 1, others = 0] = dirichlet(2, step.alpha, rng);
  const shares = dirichlet(step.mixtureWidth, step.alpha, rng);
  const parts: MixedPart[] = [{ data: image.data, weight: own }];
  for (const share of shares) {
    const depth = step.chainDepth === 'random' ? rng.integer(1, 4) : step.chainDepth;
    let chain = image;
    for (let k = 0; k < depth; k++)
      chain = applyRandom(chain, space, () => rng.integer(0, step.severity), tenBins, step, rng);
    parts.push({ data: chain.data, weight: share * others });
  }
  return { ...image, data: mixLevels(parts) };
}

/** Weights that add up to 1, from the symmetric Dirichlet distribution. */
function dirichlet(n: number, alpha: number, rng: SampleRandom): number[] {
  const parts = Array.from({ length: n }, () => gamma(alpha, rng));
  const sum = parts.reduce((total, part) => total + part, 0);
  return parts.map((part) => (sum > 0 ? part / sum : 1 / n));
}
