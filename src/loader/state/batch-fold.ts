import type { BatchTask } from '../order/batch-task.js';

/** A batch as two 32-bit numbers. */
export type Fold = readonly [number, number];

/** The 64-bit fold of what a batch is made of: epoch, number and sample indices in order; of a stream its shard and place. */
export function foldOf(task: BatchTask): Fold {
  const halves = new Uint32Array(2);
  foldInto(task, halves);
  return [halves[0]!, halves[1]!];
}

/** The same, written to `halves`. */
export function foldInto(task: BatchTask, halves: Uint32Array): void {
  const isStream = task.type === 'stream';
  let a = 0x9e3779b9 ^ task.epoch;
  let b = Math.imul(0x85ebca6b ^ (isStream ? task.shard : -1), 0xc2b2ae35);
  a = Math.imul(a ^ (isStream ? task.ordinal : task.batch), 0x85ebca6b);
  if (task.type === 'indices') {
    const { indices } = task;
    for (let i = 0; i < indices.length; i++) {
      const index = indices[i]!;
      const low = index | 0;
      a = Math.imul((a << 13) | (a >>> 19), 0x85ebca6b) ^ low;
      b = Math.imul(b ^ low, 0xc2b2ae35);
      b = (b ^ (b >>> 15)) + a;
      if (index > 0xffffffff) b = Math.imul(b ^ Math.floor(index / 2 ** 32), 0x27d4eb2f);
    }
    b ^= indices.length;
  }
  halves[0] = Math.imul(a ^ (a >>> 16) ^ b, 0x7feb352d);
  halves[1] = Math.imul(b ^ (b >>> 13), 0x846ca68b);
}
