import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const script = fileURLToPath(new URL('../../scripts/check-keys.js', import.meta.url));

it('the linter finds each expression that indexes an object by a key from outside, and no other', () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-keys-'));
  const file = join(folder, 'keys.ts');
  const lines = `
    type Kind = 'a' | 'b';
    export function f(table: Record<string, number>, key: string, kind: Kind, list: number[], k: number, any: any) {
      table[key] = 1; // found
      const one = table[key]; // found
      const cast = (table as Record<Kind, number>)[key as Kind]; // found
      const made = table[\`\${key}x\`]; // found
      const there = key in table; // found
      const unknown = table[any]; // found
      const known = [table[kind], table.a, list[k], table['constructor']];
      return [one, cast, made, there, unknown, known, new Map(Object.entries(table)).get(key)];
    }`.split('\n');
  writeFileSync(file, lines.join('\n'));
  const { status, stderr } = spawnSync(process.execPath, [script, file], { encoding: 'utf8' });
  rmSync(folder, { recursive: true });
  const found = [...stderr.matchAll(/keys\.ts:(\d+)/g)].map(([, line]) => Number(line));
  const expected = lines.flatMap((line, i) => (line.endsWith('// found') ? [i + 1] : []));
  expect(found).toEqual(expected);
  expect(status).toBe(1);
});
