import { expect, it } from 'vitest';
import { formatBytes, formatCompact, formatCount, formatShare } from '../../../dist/cli/terminal/quantity.js';

it.each([
  [0, '0 B'],
  [999, '999 B'],
  [1_000, '1.0 kB'],
  [2_502_974, '2.5 MB'],
  [99_960, '100 kB'],
  [999_600, '1.0 MB'],
  [123e9, '123 GB'],
])('%d bytes read as %s', (byteLength, expected) => {
  expect(formatBytes(byteLength)).toBe(expected);
});

it('counts, large numbers and shares read the same in every locale', () => {
  expect(formatCount(1_234_567.8)).toBe('1,234,568');
  expect(formatCompact(100_000)).toBe('100K');
  expect(formatShare(0.0123)).toBe('1.2 %');
});
