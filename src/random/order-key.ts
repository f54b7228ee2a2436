import { toBigInt, wordsOf } from './integer-words.js';
import type { PhiloxKey } from './philox.js';
import { SeedSequence } from './seed-sequence.js';

/** What an order is keyed by: any whole number or text. Equal keys give equal orders. */
export type OrderKey = number | bigint | string;

/**
 * A 64-bit key for the order of one epoch. The parts are mixed, never added, so that seed 3 in epoch 2 has nothing in
 * common with seed 5 in epoch 0.
 *
 * @param purpose - What the order is for, so that two uses of one seed do not give the same order.
 */
export function orderKey(seed: number | bigint, epoch: number, purpose = 'order'): bigint {
  const parts = [keyWords(seed), keyWords(epoch), keyWords(purpose)].flatMap((words) => [
    words.length,
    ...words,
  ]);
  const [low, high] = new SeedSequence(parts).generateState(2);
  return (BigInt(high!) << 32n) | BigInt(low!);
}

/** `count` well mixed words that a key stands for. */
export function expandKey(key: OrderKey, count: number): Uint32Array {
  return new SeedSequence(keyWords(key)).generateState(count);
}

/** The key of the streams that belong to an order. */
export function philoxKey(key: OrderKey): PhiloxKey {
  const [k0, k1] = expandKey(key, 2);
  return [k0!, k1!];
}

/** A key as words, such that different keys of whatever type give different words. */
function keyWords(key: OrderKey): number[] {
  if (typeof key === 'string') return [2, key.length, ...Array.from(key, (letter) => letter.codePointAt(0)!)];
  const value = toBigInt('order key', 'key', key);
  return value < 0n ? [1, ...wordsOf(-value)] : [0, ...wordsOf(value)];
}
