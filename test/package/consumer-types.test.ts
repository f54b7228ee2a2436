import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** The oldest TypeScript that the declarations are for, and the two newest. */
const compilers = ['typescript-5.5', 'typescript', 'typescript-7'];

/** What a compiler prints. */
function compile(compiler: string, options: readonly string[], cwd = path('../..')): Promise<string> {
  const tsc = path(`../../node_modules/${compiler}/bin/tsc`);
  return new Promise((resolve) => {
    execFile(process.execPath, [tsc, '--pretty', 'false', ...options], { cwd }, (_error, stdout) =>
      resolve(stdout),
    );
  });
}

describe('the type declarations', () => {
  it.each([
    ['typescript-7', 'tsconfig.json'],
    ...compilers.map((compiler) => [compiler, 'tsconfig.strictest.json']),
  ])('are right in a user project, checked whole by %s with %s', async (compiler, project) => {
    expect(await compile(compiler!, ['-p', path(`../fixtures/consumer/${project}`)])).toBe('');
  });
});

describe('the compiler message for a wrong call of DataLoader', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-types-'));
    await mkdir(join(folder, 'node_modules'));
    await symlink(path('../..'), join(folder, 'node_modules/millrace'), 'junction');
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  });
  afterAll(() => rm(folder, { recursive: true }));

  /** Each call with what its message says. */
  const calls = [
    ['{ length: 3 }, { batchSize: 2 }', "Property 'get' is missing"],
    ['{ get: (index: number) => index }', "Property 'length' is missing"],
    ["'data.jsonl'", "'string' is not assignable to parameter of type 'DatasetSource<unknown>'"],
    ['numbers, { batchsize: 2 }', "Did you mean to write 'batchSize'?"],
    ["numbers, { batchSize: '2' }", "Type 'string' is not assignable to type 'number'"],
    ["numbers, { onError: 'ignore' }", "'\"ignore\"' is not assignable to type 'OnError"],
    ['stream, { shufle: true }', "Did you mean to write 'shuffle'?"],
    ['numbers, { batchSize: 2, batchSampler: [[1]] }', "is not assignable to type 'undefined'"],
    // Only calls with `elastic` get errors about elasticity.
    ['numbers, { elastic: true, sampler: ofRank }', 'ElasticNeedsSeekableElasticOrder'],
    ['stream, { elastic: true }', 'ElasticNeedsSeekableElasticOrder'],
  ] as const;

  it.each(compilers)('of %s names the mistake', async (compiler) => {
    const lines = [
      "import { ArrayDataset, DataLoader, DistributedSampler } from 'millrace';",
      'const numbers = new ArrayDataset([1, 2, 3]);',
      'const stream = { *iterate() { yield 1; } };',
      'const ofRank = new DistributedSampler(numbers, { numReplicas: 2, rank: 0 });',
      'void [stream, ofRank];',
    ];
    const source = [...lines, ...calls.map(([call]) => `new DataLoader(${call});`)].join('\n');
    await writeFile(join(folder, 'wrong.ts'), source);
    const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2022'];
    const ignoreConfig = compiler === 'typescript-5.5' ? [] : ['--ignoreConfig'];
    const printed = await compile(compiler, [...options, ...ignoreConfig, 'wrong.ts'], folder);
    const messages = new Map<number, string>();
    for (const message of printed.split(/^(?=wrong\.ts)/m)) {
      messages.set(Number(/^wrong\.ts\((\d+)/.exec(message)?.[1]) - 1 - lines.length, message);
    }
    expect(messages.size).toBe(calls.length);
    for (const [k, [call, message]] of calls.entries()) {
      expect(messages.get(k), call).toContain(message);
      if (!call.includes('elastic')) expect(messages.get(k), call).not.toMatch(/elastic/i);
    }
  });
});
