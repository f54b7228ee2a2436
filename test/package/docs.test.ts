// The TypeScript of the pages, checked by the compiler as a user would paste it.
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
  accelerators: {
    dataset: `import('millrace').Dataset<{ x: import('millrace').Tensor<'float32'>; y: number }>`,
    loader: `import('millrace').DataLoader<{ x: import('millrace').Tensor<'float32'>; y: number }>`,
    stream: 'bigint',
    launch: '(...values: unknown[]) => void',
    submitStep: '(entries: unknown[]) => void',
    tf: `import('millrace/tfjs').TensorFlowWithTidy<object> & { oneHot(labels: object, depth: number): object }`,
    model:
      '{ fitDataset(dataset: object, options: object): Promise<void>; trainOnBatch(x: object, y: object): Promise<void> }',
    numpy: `import('millrace/jax').JaxNumpy`,
    step: '(x: object, y: object) => void',
    Tensor: `import('millrace/onnx').OnnxTensorClass<object>`,
    session: '{ run(feeds: object): Promise<Record<string, object>> }',
  },
  plan: {},
  monitoring: {
    dataset: `import('millrace').Dataset<number>`,
    loader: `import('millrace').DataLoader<number>`,
    train: '(batch: unknown) => void',
  },
  browser: {
    train: '(batch: unknown) => void',
    file: 'File',
  },
  guarantees: { loader: `import('millrace').DataLoader<number>` },
  analysis: {},
  'difficulty-index': {},
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
        lib: ['ES2022', 'ESNext.Disposable', ...(name === 'browser' ? ['DOM'] : [])],
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

it('every page with TypeScript is checked: here, or by running it with the guides', () => {
  const pages = readdirSync(path('../../docs'))
    .filter(
      (file) => file.endsWith('.md') && /^```ts$/m.test(readFileSync(path(`../../docs/${file}`), 'utf8')),
    )
    .map((file) => file.slice(0, -'.md'.length));
  expect([...Object.keys(surroundings), 'troubleshooting'].sort()).toEqual(pages.sort());
});

/** A snippet as a module, with what it uses and does not make. */
function complete(code: string, surroundings: Record<string, string>): string {
  const makes = (name: string) => new RegExp(`(const|let) (\\{[^}]*)?\\b${name}\\b`).test(code);
  const missing = Object.entries(surroundings).filter(([name]) => !makes(name));
  return `${code}\nexport {};\n${missing.map(([name, type]) => `declare const ${name}: ${type};`).join('\n')}\n`;
}
