// Declarations as users compile them. A compiler takes seconds to start and read them, so each runs once on everything.
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isLong } from '../setup/search-size.js';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** The oldest TypeScript that the declarations are for, and the newest; in `npm run test:long` the last written in JavaScript too. */
const compilers = ['typescript-5.5', 'typescript-7', ...(isLong ? ['typescript'] : [])];

const consumer = path('../fixtures/consumer');

/** What a compiler prints of the project in a folder. */
function compile(compiler: string, cwd: string): Promise<string> {
  const tsc = path(`../../node_modules/${compiler}/bin/tsc`);
  return new Promise((resolve) => {
    execFile(process.execPath, [tsc, '--pretty', 'false'], { cwd }, (_error, stdout) => resolve(stdout));
  });
}

/** Calls of DataLoader that are wrong, each with what its message says. */
const calls = [
  ['{ length: 3 }, { batchSize: 2 }', "Property 'get' is missing"],
  ['{ get: (index: number) => index }', "Property 'length' is missing"],
  ["'data.jsonl'", "'string' is not assignable to parameter of type 'DatasetSource<unknown>'"],
  ['numbers, { batchsize: 2 }', "Did you mean to write 'batchSize'?"],
  ["numbers, { batchSize: '2' }", "Type 'string' is not assignable to type 'number'"],
  ["numbers, { onError: 'ignore' }", "'\"ignore\"' is not assignable to type 'OnError"],
  ['stream, { shufle: true }', "Did you mean to write 'shuffle'?"],
  ['numbers, { batchSize: 2, batchSampler: [[1]] }', "is not assignable to type 'undefined'"],
  ["numbers, { shuffle: 'yes' }", '\'"yes"\' is not assignable to type'],
  ['numbers, { numWorkers: true }', "Type 'true' is not assignable to type 'number"],
  ["numbers, { transform: 'double' }", "Type 'string' is not assignable to type"],
  ['numbers, { transform: (text: string) => text }', "Type 'number' is not assignable to type 'string"],
  [
    'numbers, { transform: String, collate: (samples: readonly number[]) => samples.length }',
    "Type 'string' is not assignable to type 'number",
  ],
  ["numbers, { sampler: 'random' }", "Type 'string' is not assignable to type 'Sampler'"],
  ["numbers, { collate: 'pad' }", "Type 'string' is not assignable to type"],
  ['numbers, 32', "is not assignable to parameter of type 'DataLoaderOptions"],
  ['[1, 2, 3]', "Property 'get' is missing"],
  ['numbers, { seed: 1n }', "Type 'bigint' is not assignable to type 'number'"],
  ["numbers, { numberDtype: 'float' }", "'\"float\"' is not assignable to type 'DType"],
  // Only calls with `elastic` get errors about elasticity.
  ['numbers, { elastic: true, sampler: ofRank }', 'ElasticNeedsSeekableElasticOrder'],
  ['stream, { elastic: true }', 'ElasticNeedsSeekableElasticOrder'],
] as const;

const lines = [
  "import { ArrayDataset, DataLoader, DistributedSampler } from 'millrace';",
  'const numbers = new ArrayDataset([1, 2, 3]);',
  'const stream = { *iterate() { yield 1; } };',
  'const ofRank = new DistributedSampler(numbers, { numReplicas: 2, rank: 0 });',
  'void [stream, ofRank];',
];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-types-'));
  await mkdir(join(folder, 'node_modules'));
  await symlink(path('../../package'), join(folder, 'node_modules/millrace'), 'junction');
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  for (const file of ['consumer.ts', 'strictest.ts']) await cp(join(consumer, file), join(folder, file));
  await writeFile(
    join(folder, 'wrong.ts'),
    [...lines, ...calls.map(([call]) => `new DataLoader(${call});`)].join('\n'),
  );
  const project = { extends: join(consumer, 'tsconfig.strictest.json'), include: ['*.ts'] };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(project));
});
afterAll(() => rm(folder, { recursive: true }));

describe.each(compilers)('with %s', (compiler) => {
  /** Each error, with its file and line first. */
  let errors: string[];
  beforeAll(async () => {
    errors = (await compile(compiler, folder)).split(/^(?=\S)/m);
  });

  it('the type declarations are right in a user project, checked whole and most strictly', () => {
    expect(errors.filter((error) => !error.startsWith('wrong.ts('))).toEqual([]);
  });

  it('the compiler message for a wrong call of DataLoader names the mistake', () => {
    const messages = new Map(
      errors.map((error) => [Number(/^wrong\.ts\((\d+)/.exec(error)?.[1]) - 1 - lines.length, error]),
    );
    expect(messages.size).toBe(calls.length);
    for (const [k, [call, message]] of calls.entries()) {
      expect(messages.get(k), call).toContain(message);
      if (!call.includes('elastic')) expect(messages.get(k), call).not.toMatch(/elastic/i);
    }
  });
});

it('the type declarations are right in a project with few settings', async () => {
  expect(await compile('typescript-7', consumer)).toBe('');
});

it('a library can export what Millrace returns without naming its type', async () => {
  const library = join(folder, 'library');
  await mkdir(library);
  await cp(join(consumer, 'exported.ts'), join(library, 'exported.ts'));
  const project = {
    extends: join(consumer, 'tsconfig.json'),
    compilerOptions: { declaration: true },
    include: ['*.ts'],
  };
  await writeFile(join(library, 'tsconfig.json'), JSON.stringify(project));
  expect(await compile('typescript-7', library)).toBe('');
});
