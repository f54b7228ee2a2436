import { TorchGenerator } from './torch-generator.js';

/**
 * PyTorch's process-wide generator. Millrace draws from it only if it is passed explicitly. Its initial seed is
 * 67280421310721 in every run; PyTorch asks the system for one.
 */
export const defaultGenerator = new TorchGenerator();

/** Seeds {@link defaultGenerator}, as `torch.manual_seed` does. */
export function manualSeed(seed: number | bigint): TorchGenerator {
  return defaultGenerator.manualSeed(seed);
}
