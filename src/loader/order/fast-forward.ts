import type { IndexArray } from '../../core/dataset.js';
import type { BatchSampler as BatchSource } from '../../core/sampler.js';
import { warn } from '../../core/warn.js';
import { BatchSampler } from '../../samplers/batch-sampler.js';

/** Draws and drops batches of a sampler that cannot seek, and warns with the time that it took. */
export function fastForward(source: BatchSource, batches: Iterator<IndexArray>, count: number): void {
  if (count === 0) return;
  const started = performance.now();
  for (let k = 0; k < count; k++) batches.next();
  warnOfFastForward(source, count, 'batch', performance.now() - started);
}

/** Warns that batches or epochs were drawn and dropped. */
export function warnOfFastForward(
  source: BatchSource,
  count: number,
  unit: 'batch' | 'epoch',
  ms: number,
): void {
  const name = samplerName(source) ?? 'The sampler';
  const drawn = count === 1 ? `1 ${unit} was` : `${count} ${unit === 'batch' ? 'batches' : 'epochs'} were`;
  const took = `drawn and dropped to get to this place, in ${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
  const [why, remedy] =
    unit === 'batch'
      ? ['cannot seek', 'Give it seek(position), or stateDict() and loadStateDict(state), to save that.']
      : [
          'draws its epochs one after the other',
          'A sampler that computes its order from a seed needs none of that.',
        ];
  warn({ code: 'MILLRACE_FAST_FORWARD', message: `${name} ${why}: ${drawn} ${took}. ${remedy}` });
}

/** The class of a sampler, where it has one of its own. */
export function samplerName(source: BatchSource): string | undefined {
  const { name } = (source instanceof BatchSampler ? source.sampler : source).constructor;
  return name === 'Array' || name === 'Object' ? undefined : name;
}
