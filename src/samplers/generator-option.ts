import * as v from 'valibot';
import type { TorchGenerator } from '../random/index.js';

/** An option that is a generator. It does not name the class, which a page without one would load with the core. */
export const generatorOption = v.optional(
  v.custom<TorchGenerator>(
    (value) => typeof (value as Partial<TorchGenerator> | null)?.randomInt64 === 'function',
    'must be a TorchGenerator',
  ),
);
