// The TypeScript of the pages, checked by the compiler as a user would paste it.
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** What the snippets of a page take for granted: a dataset, a model, and the snippets before them. */
const surroundings: Record<string, Record<string, string>> = {
  'migrating-from-deepspeed': {
    config: `import('millrace/deepspeed').DeepSpeedConfig`,
    dataset: `import('millrace').Dataset<import('millrace').Tensor<'int32'>>`,
    evalSet: `import('millrace').Dataset<import('millrace').Tensor<'int32'>>`,
    loader: `import('millrace/deepspeed').DeepSpeedDataLoader<unknown, import('millrace').Tensor>`,
    train: '(batch: unknown) => void',
    truncate: `<B>(batch: B, difficulties: unknown) => B`,
    lengths: `(batch: import('millrace').Tensor) => number[]`,
    tokens: 'Uint16Array',
    seqlens: 'number[]',
    optimizer: `import('millrace/deepspeed').Optimizer`,
    rank: 'number',
    globalStep: 'number',
  },
  data: {
    dataset: `import('millrace').Dataset<unknown>`,
  },
  browser: {
    train: '(batch: unknown) => void',
    file: 'File',
  },
  guarantees: { loader: `import('millrace').DataLoader<number>` },
  curriculum: {
    batches: `import('millrace').DataLoader<import('millrace').Tensor>`,
    sampler: `import('millrace').CurriculumSampler`,
  },
};

it.each(Object.entries(surroundings))(
  '%s has snippets that compile',
  { timeout: 60_000 },
  async (name, given) => {
    const page = readFileSync(path(`../../docs/${name}.md`), 'utf8');
    const snippets = [...page.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code!);
    expect(snippets.length).toBeGreaterThan(1);
    const folder = mkdtempSync(path('docs-'));
    try {
      for (const [i, code] of snippets.entries())
        writeFileSync(join(folder, `snippet-${i}.ts`), complete(code, given));
      const compilerOptions = {
        target: 'ES2022',
        lib: name === 'browser' ? ['ES2022', 'DOM'] : ['ES2022'],
        types: ['node'],
        module: 'nodenext',
        strict: true,
        noEmit: true,
      };
      writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
      const tsc = path('../../node_modules/typescript-7/bin/tsc');
      const check = promisify(execFile)(process.execPath, [tsc, '-p', folder]);
      await expect(
        check.then(
          ({ stdout }) => stdout,
          ({ stdout }) => stdout,
        ),
      ).resolves.toBe('');
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);

/** A snippet as a module, with what it uses and does not make. */
function complete(code: string, surroundings: Record<string, string>): string {
  const makes = (name: string) => new RegExp(`(const|let) (\\{[^}]*)?\\b${name}\\b`).test(code);
  const missing = Object.entries(surroundings).filter(([name]) => !makes(name));
  return `${code}\nexport {};\n${missing.map(([name, type]) => `declare const ${name}: ${type};`).join('\n')}\n`;
}
