import fc from 'fast-check';
import { tensor } from 'millrace';
import { expect, it } from 'vitest';
import { fromPageJson, toPageJson } from '../../../dist/monitor/dashboard/page-json.js';
import { peekFields } from '../../../dist/monitor/dashboard/peek-batch.js';

it('numbers of every kind, and keys of every name, reach the page unchanged', () => {
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 3 },
      fc.double().map((number) => (Object.is(number, -0) ? 0 : number)),
      fc.string(),
      fc.array(tie('any'), { maxLength: 3 }),
      fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor')), tie('any'), {
        maxKeys: 3,
        noNullPrototype: true,
      }),
    ),
  })).any;
  fc.assert(
    fc.property(value, (given) => {
      expect(fromPageJson(toPageJson(given))).toEqual(given);
    }),
  );
  expect(Object.hasOwn(Object.prototype, 'a')).toBe(false);
});

it('a summary of a batch counts values that are not finite, and measures the others', () => {
  const elements = fc.array(
    fc.oneof(
      fc.integer({ min: -9, max: 9 }),
      fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
    ),
    { minLength: 1, maxLength: 50 },
  );
  fc.assert(
    fc.property(elements, (list) => {
      const [{ range, notFinite }] = peekFields(tensor(Float64Array.from(list))) as [
        ReturnType<typeof peekFields>[number],
      ];
      const finite = list.filter(Number.isFinite);
      const mean = finite.reduce((sum, element) => sum + element, 0) / finite.length;
      expect(range).toEqual(
        finite.length === 0 ? undefined : { min: Math.min(...finite), mean, max: Math.max(...finite) },
      );
      const nan = list.filter(Number.isNaN).length;
      const infinite = list.length - finite.length - nan;
      expect(notFinite).toEqual(nan + infinite === 0 ? undefined : { nan, infinite, of: list.length });
    }),
  );
});
