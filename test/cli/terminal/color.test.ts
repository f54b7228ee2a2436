import { expect, it } from 'vitest';
import { paintFor } from '../../../dist/cli/terminal/color.js';

it.each([
  [true, {}, true],
  [true, { NO_COLOR: '' }, true],
  [true, { NO_COLOR: '1' }, false],
  [true, { TERM: 'dumb' }, false],
  [false, {}, false],
  [undefined, {}, false],
])('isTTY %s with %j paints: %s', (isTTY, environment, paints) => {
  expect(paintFor({ isTTY }, environment)('blue', 'x') !== 'x').toBe(paints);
});
