import { stripVTControlCharacters, styleText } from 'node:util';
import { expect, it } from 'vitest';
import { type Color, renderLinePlot } from '../../../examples/curriculum-gpt/line-plot.js';

const series = [
  {
    label: 'uniform',
    points: [
      { x: 0, y: 6 },
      { x: 100, y: 4 },
    ],
  },
  {
    label: 'curriculum',
    points: [
      { x: 0, y: 5 },
      { x: 100, y: 3 },
    ],
  },
];
const options = {
  paint: (_color: Color, text: string) => text,
  width: 40,
  height: 7,
  formatX: String,
  xLabel: 'tokens',
};

it('draws the lines on one scale, distinct without colors, and labels both ends of the x axis', () => {
  const lines = renderLinePlot(series, options).split('\n');
  expect(lines).toHaveLength(1 + 7 + 1);
  expect(lines[0]?.trim()).toBe('── uniform   ╌╌ curriculum');
  expect(lines[1]).toMatch(/^ +6\.00 .[─╮]/);
  expect(lines[7]).toMatch(/^ +3\.00 .*[╌└┘]$/);
  expect(lines.at(-1)).toMatch(/^ +0 +100 tokens$/);
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(40);
});

it('colors change nothing but the colors', () => {
  const colored = renderLinePlot(series, {
    ...options,
    paint: (color, text) => styleText(color, text, { validateStream: false }),
  });
  const plain = renderLinePlot(series, options);
  expect(colored).not.toBe(plain);
  expect(stripVTControlCharacters(colored)).toBe(plain);
});

it('draws flat lines and lines without points; no points give an empty text', () => {
  expect(renderLinePlot([], options)).toBe('');
  expect(renderLinePlot([{ label: 'a', points: [] }], options)).toBe('');
  expect(
    renderLinePlot(
      [
        { label: 'flat', points: [{ x: 1, y: 2 }] },
        { label: 'none', points: [] },
      ],
      options,
    ),
  ).toContain('2.00');
});
