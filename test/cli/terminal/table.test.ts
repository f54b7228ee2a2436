import { expect, it } from 'vitest';
import { renderTable } from '../../../dist/cli/terminal/table.js';

const columns = [{ title: 'order' }, { title: 'loss', align: 'right' }] as const;

it('aligns columns without trailing spaces', () => {
  expect(renderTable(columns, [['uniform', '4.2'], ['a', '10.25'], ['empty']]).split('\n')).toEqual([
    'order     loss',
    '───────  ─────',
    'uniform    4.2',
    'a        10.25',
    'empty',
  ]);
});

it('ignores color codes in widths', () => {
  const [, , first, second] = renderTable(columns, [
    ['\u001b[34mab\u001b[39m', '1'],
    ['abc', '2'],
  ]).split('\n');
  expect(first).toBe('\u001b[34mab\u001b[39m        1');
  expect(second).toBe('abc       2');
});
