import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { FormatError } from 'millrace/errors';
import { afterAll, expect, it } from 'vitest';
import { visibleText } from '../../dist/core/visible-text.js';
import { runCommand } from '../cli/run-command.js';

const folder = mkdtempSync(join(tmpdir(), 'millrace-text-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Whether a terminal would do something else with it than show it. */
const acts = (text: string): boolean =>
  [...text].some((character) => /\p{Cc}/u.test(character) && character !== '\n' && character !== '\t');

it('writes control characters as escapes, and leaves everything else as it is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const shown = visibleText(text);
      expect(acts(shown)).toBe(false);
      if (!acts(text) && !/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/.test(text))
        expect(shown).toBe(text);
    }),
  );
  expect(visibleText('a\u001b[31mb\u009b1A\r\u202ec')).toBe('a\\u001b[31mb\\u009b1A\\u000d\\u202ec');
});

it('messages of errors hold no control characters, whatever file or column they name', () => {
  const error = new FormatError('No column \u001b]0;title\u0007', { where: { column: '\u001b[2J' } });
  expect(acts(error.message)).toBe(false);
  expect(error.where.column).toBe('\u001b[2J');
});

it('names of columns and values reach the terminal as text', async () => {
  const file = join(folder, 'data.jsonl');
  writeFileSync(file, `${JSON.stringify({ 'a\u001b[31m': 'x\u009b1A\u007f', 'b\u0007': [1] })}\n`.repeat(3));
  for (const command of [
    ['inspect', file],
    ['inspect', file, '--samples', '2'],
  ]) {
    const { stdout, stderr } = await runCommand(command);
    expect(stdout).toContain('a\\u001b[31m');
    expect(acts(stdout + stderr)).toBe(false);
  }
});
