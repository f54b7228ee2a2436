import { TorchGenerator } from './torch-generator.js';

/**
 * PyTorch's process-wide generator. Nothing in Millrace draws from it unless it is passed by name. Until it is seeded, its
 * seed is 67280421310721, the same in every run, where PyTorch asks the system for one.
 */
export const defaultGenerator = new TorchGenerator();

/** Seeds {@link defaultGenerator}, as `torch.manual_seed` does. */
export function manualSeed(seed: number | bigint): TorchGenerator {
  return defaultGenerator.manualSeed(seed);
}
