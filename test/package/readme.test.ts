// Runs the first example of the README as a user would paste it, and imports every name that the README imports.
import { execFile } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
const blocks = [...readme.matchAll(/```(\w*)\n([\s\S]*?)```/g)].map(([, language, code]) => ({
  language,
  code: code!,
}));

describe('README', () => {
  it('starts with an example of ten lines that prints the text below it', async () => {
    const first = blocks.findIndex(({ language }) => language === 'js');
    const { code } = blocks[first]!;
    const printed = blocks[first + 1]!.code;
    expect(code.trim().split('\n').filter(Boolean).length).toBeLessThanOrEqual(10);
    const file = fileURLToPath(new URL('./readme-example.mjs', import.meta.url));
    writeFileSync(file, code);
    try {
      const { stdout } = await promisify(execFile)(process.execPath, [file]);
      expect(stdout).toBe(printed);
    } finally {
      rmSync(file);
    }
  });

  it('imports only existing names', async () => {
    const imports = blocks.flatMap(({ code }) => [
      ...code.matchAll(/import \{([^}]+)\} from '(millrace[^']*)'/g),
    ]);
    expect(imports.length).toBeGreaterThan(2);
    for (const [, names, entry] of imports) {
      const module = await import(entry!);
      for (const name of names!.split(',')) expect(module).toHaveProperty(name.trim());
    }
  });

  it('names the runtimes that CI tests', () => {
    const script = readFileSync(new URL('../../scripts/test-runtimes.js', import.meta.url), 'utf8');
    const runtimes = [...script.matchAll(/^ {2}'?([\w-]+)'?: \{ source:/gm)].map(([, name]) => name!);
    const versions = runtimes.filter((name) => name.startsWith('node-')).map((name) => name.slice(5));
    expect(runtimes).toEqual([...versions.map((version) => `node-${version}`), 'bun', 'deno']);
    expect(readme).toContain(`Node.js ${versions.join(', ')}, Bun and Deno with those of core`);
    const { engines } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    expect(engines.node).toMatch(/^>=20\./);
    expect(readme).toContain('CI runs Node.js 20 with all tests');
  });
});
