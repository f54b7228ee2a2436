export type { TorchRelease } from '../core/torch-release.js';
export { defaultGenerator, manualSeed } from './default-generator.js';
export type { DrawSize } from './draw-size.js';
export { IndexPermutation } from './index-permutation.js';
export {
  type ChoiceOptions,
  type IntegerArray,
  type IntegersOptions,
  NumpyGenerator,
  type RandomOptions,
} from './numpy-generator.js';
export type { IntegerDType } from './numpy-integers.js';
export type { NumpyGeneratorState, Uint128 } from './numpy-state.js';
export { type OrderKey, orderKey } from './order-key.js';
export { PythonRandom } from './python-random.js';
export { type DrawnAt, sampleContext } from './sample-context.js';
export { SampleRng } from './sample-rng.js';
export { SeedSequence } from './seed-sequence.js';
export {
  type MultinomialOptions,
  type RandOptions,
  TorchGenerator,
  type TorchGeneratorOptions,
} from './torch-generator.js';
export type { Weights } from './torch-multinomial.js';
