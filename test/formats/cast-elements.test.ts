import fc from 'fast-check';
import { FormatError } from 'millrace/errors';
import { expect, it } from 'vitest';
import { dtypes } from '../../dist/core/dtype.js';
import { castElements, checkFit } from '../../dist/formats/indexed/cast-elements.js';

const targets = fc.constantFrom(...dtypes.filter((dtype) => dtype !== 'bool'));
const near = fc.oneof(
  fc.integer({ min: -(2 ** 17), max: 2 ** 17 }),
  fc.integer({ min: -300, max: 300 }),
  fc.maxSafeInteger(),
  fc.constantFrom(2 ** 24, 2 ** 24 + 1, 2 ** 31, 2 ** 32, -(2 ** 31)),
);

it('checkFit passes whole numbers exactly where the cast changes none of them', () => {
  fc.assert(
    fc.property(
      targets,
      fc.array(near, { minLength: 1, maxLength: 4 }),
      fc.boolean(),
      (dtype, numbers, asBigInts) => {
        const elements = asBigInts ? BigInt64Array.from(numbers, BigInt) : numbers;
        const cast = castElements(elements, dtype);
        const isSame = numbers.every((number, k) => BigInt(cast[k]!) === BigInt(number));
        if (isSame) checkFit(elements, dtype);
        else expect(() => checkFit(elements, dtype)).toThrow(FormatError);
      },
    ),
  );
});

it('an empty array has every dtype', () => {
  for (const dtype of dtypes)
    for (const empty of [
      [],
      new BigInt64Array(0),
      new BigUint64Array(0),
      new Float32Array(0),
      new Uint8Array(0),
    ]) {
      checkFit(empty, dtype);
      expect(castElements(empty, dtype)).toHaveLength(0);
    }
});
