import { expect, it } from 'vitest';
import { columnRuns } from '../../dist/cli/column-runs.js';

const columns = (names: string, type = 'number') => names.split(' ').map((name) => ({ name, type }));
const shown = (...all: { name: string; type: string }[][]) => columnRuns(all.flat()).map(({ name }) => name);

it('joins consecutively numbered columns, and no others', () => {
  expect(shown(columns('id p9 p10 p11 p12 label'))).toEqual(['id', 'p9 … p12', 'label']);
  expect(columnRuns(columns('0 1 2 3'))).toEqual([
    { name: '0 … 3', names: ['0', '1', '2', '3'], type: 'number' },
  ]);
  expect(shown(columns('a0 a1 a2'))).toEqual(['a0', 'a1', 'a2']);
  expect(shown(columns('a0 a1 a3 a4'))).toEqual(['a0', 'a1', 'a3', 'a4']);
  expect(shown(columns('a0 a1 b2 b3'))).toEqual(['a0', 'a1', 'b2', 'b3']);
  expect(shown(columns('a0 a1 a2 a3'), columns('a4', 'string'))).toEqual(['a0 … a3', 'a4']);
  expect(shown(columns('a00 a01 a02 a03'))).toEqual(['a00', 'a01', 'a02', 'a03']);
  expect(shown([])).toEqual([]);
});
