import { ConfigError } from '../core/errors.js';

/** Converts an integer of any size to a `bigint`. */
export function toBigInt(subject: string, field: string, value: number | bigint): bigint {
  if (typeof value === 'bigint') return value;
  if (Number.isSafeInteger(value)) return BigInt(value);
  throw new ConfigError(subject, [
    { field, message: `must be an integer, as a bigint beyond 2^53 - 1, not ${String(value)}` },
  ]);
}

/** The 32-bit words of a number of 0 or more, the lowest first; 0 is one word. */
export function wordsOf(value: bigint): number[] {
  const words: number[] = [];
  for (let rest = value; rest > 0n || words.length === 0; rest >>= 32n)
    words.push(Number(rest & 0xffffffffn));
  return words;
}
