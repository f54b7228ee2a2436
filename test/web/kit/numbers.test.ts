import { expect, it } from 'vitest';
import {
  formatBytes,
  formatCompact,
  formatCount,
  formatDuration,
  formatShare,
  formatValue,
} from '../../../dist/web/kit/numbers.js';

it.each([
  [0, '0 B'],
  [999, '999 B'],
  [1_000, '1.0 kB'],
  [2_502_974, '2.5 MB'],
  [99_960, '100 kB'],
  [999_600, '1.0 MB'],
  [123e9, '123 GB'],
])('formats %d bytes as %s', (byteLength, expected) => {
  expect(formatBytes(byteLength)).toBe(expected);
});

it.each([
  [0, '0 ms'],
  [0.85, '850 µs'],
  [0.9996, '1 ms'],
  [12.34, '12.3 ms'],
  [999.4, '999 ms'],
  [999.6, '1.0 s'],
  [12_340, '12.3 s'],
  [59_960, '1 min 00 s'],
  [245_000, '4 min 05 s'],
  [3_599_600, '1 h 00 min'],
  [7_800_000, '2 h 10 min'],
  [Number.POSITIVE_INFINITY, '–'],
])('formats a duration of %d ms as %s', (durationMs, expected) => {
  expect(formatDuration(durationMs)).toBe(expected);
});

it.each([
  [0, '0 %'],
  [0.0123, '1.2 %'],
  [0.5, '50.0 %'],
  [0.9999, '100 %'],
  [1, '100 %'],
])('formats the share %d as %s', (share, expected) => {
  expect(formatShare(share)).toBe(expected);
});

it.each([
  [1e-30, '1e-30'],
  [-0.000_012_34, '-1.23e-5'],
  [0.000_123, '0.000123'],
  [999e12, '999T'],
  [1.000_000_015e30, '1e30'],
  [0, '0'],
])('formats the value %d as %s', (value, expected) => {
  expect(formatCompact(value)).toBe(expected);
});

it('groups digits the English way in every locale', () => {
  expect(formatCount(1_234_567.8)).toBe('1,234,568');
  expect(formatCompact(100_000)).toBe('100K');
  expect(formatCompact(4.1234)).toBe('4.12');
  expect(formatValue(0.12346)).toBe('0.1235');
});
