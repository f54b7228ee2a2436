import { firstAbove } from '../core/first-above.js';
import { LengthWarmup } from '../tokens/length-warmup.js';
import { SplitSequences } from '../tokens/split-sequences.js';

/** The length of sequences over a run: a warm-up, or DeepSpeed's curriculum by sequence length. */
export interface SequenceLengths {
  /** Each length from a global step on, ascending. Steps count from 0; the first is 0. */
  readonly changes: readonly { readonly step: number; readonly length: number }[];
  /** What happens to longer sequences. */
  readonly cut: 'truncate' | 'split' | 'reshape';
}

/** The lengths of a dataset that grows its sequences. */
export function sequenceLengthsOf(dataset: unknown): SequenceLengths | undefined {
  if (dataset instanceof SplitSequences) {
    const whole = dataset.changes[0]!.step > 0 ? [{ step: 0, length: dataset.whole }] : [];
    return { changes: [...whole, ...dataset.changes], cut: 'split' };
  }
  if (!(dataset instanceof LengthWarmup)) return undefined;
  const changes = dataset.changes.map(({ step, difficulty }) => ({ step: step - 1, length: difficulty }));
  return { changes, cut: dataset.cut };
}

/** The length at a global step, counted from 0. */
export function lengthAtStep({ changes }: SequenceLengths, step: number): number {
  const starts = changes.map((change) => change.step);
  return changes[Math.max(0, firstAbove(starts, step) - 1)]!.length;
}
