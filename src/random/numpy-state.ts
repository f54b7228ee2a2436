import * as v from 'valibot';
import { integerFrom, parseOptions } from '../core/options.js';
import type { Pcg64 } from './pcg64.js';

/** A number of 128 bits: decimal digits, or a `bigint` in a state that is being read. */
export type Uint128 = string | number | bigint;

/** numpy's `bit_generator.state` of a PCG64. */
export interface NumpyGeneratorState {
  readonly bit_generator: 'PCG64';
  readonly state: { readonly state: Uint128; readonly inc: Uint128 };
  /** 1 while half of an output is kept for the next 32-bit draw. */
  readonly has_uint32: number;
  /** The kept half. */
  readonly uinteger: number;
}

const uint128 = v.pipe(
  v.union(
    [
      v.bigint(),
      v.pipe(
        v.number(),
        v.safeInteger('lost digits on its way through JSON: give its digits as text, or a bigint'),
      ),
      v.pipe(v.string(), v.regex(/^\d+$/, 'must be decimal digits')),
    ],
    'must be a whole number below 2^128, as a bigint or in decimal digits',
  ),
  v.transform((digits) => BigInt(digits)),
  v.check((value) => value >= 0n && value < 1n << 128n, 'must be a whole number below 2^128'),
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

/** The state of an engine, as numpy gives it. */
export function writeNumpyState(engine: Pcg64): NumpyGeneratorState {
  return {
    bit_generator: 'PCG64',
    state: { state: engine.state.toString(), inc: engine.increment.toString() },
    has_uint32: engine.hasUint32 ? 1 : 0,
    uinteger: engine.uinteger,
  };
}

/** Puts an engine into a state that numpy or {@link writeNumpyState} gave. @throws {@link ConfigError} naming the field at fault. */
export function readNumpyState(engine: Pcg64, state: NumpyGeneratorState): void {
  const parsed = parseOptions('numpy generator state', schema, state);
  engine.state = parsed.state.state;
  engine.increment = parsed.state.inc;
  engine.hasUint32 = parsed.has_uint32 === 1;
  engine.uinteger = parsed.uinteger;
}
