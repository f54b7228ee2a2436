import { expect, it } from 'vitest';
import { formatDuration } from '../../../dist/cli/terminal/duration.js';

it.each([
  [0, '0 ms'],
  [999.4, '999 ms'],
  [999.6, '1.0 s'],
  [12_340, '12.3 s'],
  [59_960, '1 min 00 s'],
  [245_000, '4 min 05 s'],
  [3_599_600, '1 h 00 min'],
  [7_800_000, '2 h 10 min'],
  [Number.POSITIVE_INFINITY, '–'],
])('a duration of %d ms reads as %s', (durationMs, expected) => {
  expect(formatDuration(durationMs)).toBe(expected);
});
