import { toBigInt, wordsOf } from './integer-words.js';
import type { PhiloxKey } from './philox.js';
import { SeedSequence } from './seed-sequence.js';

/** The key of an order: any integer or text. Equal keys give equal orders. */
export type OrderKey = number | bigint | string;

/**
 * A 64-bit key for the order of one epoch. Seed and epoch are mixed, not added, so that seed 3 in epoch 2 is
 * unrelated to seed 5 in epoch 0.
 *
 * @param purpose - Distinguishes uses of one seed, so that they do not share an order.
 */
export function orderKey(seed: number | bigint, epoch: number, purpose = 'order'): bigint {
  const parts = [keyWords(seed), keyWords(epoch), keyWords(purpose)].flatMap((words) => [
    words.length,
    ...words,
  ]);
  return new SeedSequence(parts).generateState(2).reduceRight((key, word) => (key << 32n) | BigInt(word), 0n);
}

/** Expands a key to `count` well-mixed words. */
export function expandKey(key: OrderKey, count: number): Uint32Array {
  return new SeedSequence(keyWords(key)).generateState(count);
}

/** The Philox key of an order's streams. */
export function philoxKey(key: OrderKey): PhiloxKey {
  const [k0, k1] = expandKey(key, 2);
  return [k0!, k1!];
}

/** A key as words; different keys, of any type, give different words. */
function keyWords(key: OrderKey): number[] {
  if (typeof key === 'string') return [2, key.length, ...Array.from(key, (letter) => letter.codePointAt(0)!)];
  const value = toBigInt('order key', 'key', key);
  return value < 0n ? [1, ...wordsOf(-value)] : [0, ...wordsOf(value)];
}
