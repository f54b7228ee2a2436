import * as v from 'valibot';
import { integerFrom, parseOptions } from '../core/options.js';
import type { Pcg64 } from './pcg64.js';

/** A 128-bit integer: decimal digits when written; digits or a `bigint` when read. */
export type Uint128 = string | number | bigint;

/** numpy's `bit_generator.state` of a PCG64. */
export interface NumpyGeneratorState {
  readonly bit_generator: 'PCG64';
  readonly state: { readonly state: Uint128; readonly inc: Uint128 };
  /** 1 while the second half of an output is kept for the next 32-bit draw. */
  readonly has_uint32: number;
  /** The kept half of an output. */
  readonly uinteger: number;
}

const uint128 = v.pipe(
  v.union(
    [
      v.bigint(),
      v.pipe(
        v.number(),
        v.safeInteger('exceeds 2^53 - 1 and has lost digits in JSON: pass it as text or as a bigint'),
      ),
      v.pipe(v.string(), v.regex(/^\d+$/, 'must be decimal digits')),
    ],
    'must be an integer below 2^128, as a bigint or decimal digits',
  ),
  v.transform((digits) => BigInt(digits)),
  v.check((value) => value >= 0n && value < 1n << 128n, 'must be an integer below 2^128'),
);

const schema = v.strictObject({
  bit_generator: v.literal('PCG64', `must be 'PCG64'`),
  state: v.strictObject({
    state: uint128,
    inc: v.pipe(
      uint128,
      v.check((value) => value % 2n === 1n, 'must be odd'),
    ),
  }),
  has_uint32: v.picklist([0, 1], 'must be 0 or 1'),
  uinteger: v.pipe(integerFrom(0), v.maxValue(0xffffffff, 'must be below 2^32')),
});

/** The state of an engine, in numpy's format. */
export function writeNumpyState(engine: Pcg64): NumpyGeneratorState {
  return {
    bit_generator: 'PCG64',
    state: { state: engine.state.toString(), inc: engine.increment.toString() },
    has_uint32: engine.hasUint32 ? 1 : 0,
    uinteger: engine.uinteger,
  };
}

/**
 * Restores an engine from a state of numpy or {@link writeNumpyState}. @throws {@link ConfigError} naming the invalid
 * field
 */
export function readNumpyState(engine: Pcg64, state: NumpyGeneratorState): void {
  const parsed = parseOptions('numpy generator state', schema, state);
  engine.state = parsed.state.state;
  engine.increment = parsed.state.inc;
  engine.hasUint32 = parsed.has_uint32 === 1;
  engine.uinteger = parsed.uinteger;
}
