// cacheSamples: the same batches as without, made once, whatever happens to the files.
import { execFile } from 'node:child_process';
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { ArrayDataset, DataLoader, MixtureDataset, workerDataset, workerFunction } from 'millrace';
import { ConfigError } from 'millrace/errors';
import { afterAll, describe, expect, it } from 'vitest';
import { identityOfCode } from '../../dist/loader/engine/sample-cache/code-identity.js';
import { batchesOf, range } from './collect.js';

const fixture = new URL('../fixtures/costly.js', import.meta.url);
const home = mkdtempSync(join(tmpdir(), 'millrace-samples-'));
let folders = 0;
const newFolder = (): string => join(home, String(folders++));
afterAll(() => rmSync(home, { recursive: true, force: true }));

interface Given {
  readonly length?: number;
  readonly seed?: number;
  readonly factor?: number;
  readonly fails?: readonly number[];
  readonly log?: string;
}

function load(
  { length = 12, seed = 0, factor = 5, log, fails = [] }: Given,
  options: object,
): DataLoader<object> {
  const dataset = workerDataset<object>(fixture, { options: { length, seed } });
  const transform = workerFunction(fixture, { export: 'add', options: { factor, log, fails } });
  return new DataLoader<object>(dataset, { batchSize: 4, transform, ...options } as object);
}

async function epochs(loader: DataLoader<object>, count = 2): Promise<unknown[]> {
  const all: unknown[] = [];
  for (let epoch = 0; epoch < count; epoch++) all.push(...(await batchesOf(loader)));
  await loader.close();
  return all;
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

const madeIn = (log: string): string[] => readFileSync(log, 'utf8').trim().split('\n');

describe('cacheSamples', () => {
  it('gives the same batches as without, in memory or on disk, with any workers, policy and limit', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          length: fc.integer({ min: 1, max: 30 }),
          fails: fc.uniqueArray(fc.nat(29), { maxLength: 3 }),
          seed: fc.nat(3),
          batchSize: fc.integer({ min: 1, max: 8 }),
          numWorkers: fc.constantFrom(0, 0, 0, 2),
          onError: fc.constantFrom('skip', 'replace'),
          provenance: fc.boolean(),
          disk: fc.boolean(),
          bytes: fc.constantFrom(2 ** 16, 2 ** 22),
        }),
        async ({ length, fails: drawn, seed, disk, bytes, ...options }) => {
          const fails = drawn.filter((index) => index !== 0);
          const shared = { ...options, shuffle: true, maxFailures: 1e9 };
          const without = await epochs(load({ length, seed, fails }, { ...shared, numWorkers: 0 }), 3);
          const cacheSamples = disk ? { disk: newFolder(), maxBytes: bytes } : { memory: bytes };
          expect(await epochs(load({ length, seed, fails }, { ...shared, cacheSamples }), 3)).toEqual(
            without,
          );
          if (disk)
            expect(await epochs(load({ length, seed, fails }, { ...shared, cacheSamples }), 3)).toEqual(
              without,
            );
        },
      ),
      { numRuns: 8 },
    );
  });

  it('makes each sample once, shared by workers and by runs', async () => {
    for (const numWorkers of [0, 2]) {
      for (const kind of ['memory', 'disk'] as const) {
        const log = newFolder();
        const cacheSamples = kind === 'memory' ? { memory: 2 ** 20 } : { disk: newFolder() };
        const options = { cacheSamples, numWorkers, shuffle: true };
        await epochs(load({ log }, options), 3);
        expect(madeIn(log)).toHaveLength(12);
        await epochs(load({ log }, options), 1);
        expect(madeIn(log)).toHaveLength(kind === 'disk' ? 12 : 24);
      }
    }
  });

  it('makes samples of other code, options or data anew', async () => {
    const log = newFolder();
    const cacheSamples = { disk: newFolder() };
    const count = async (given: Given): Promise<number> => {
      writeFileSync(log, '');
      await epochs(load({ log, ...given }, { cacheSamples }), 1);
      return readFileSync(log, 'utf8').length;
    };
    expect(await count({})).toBeGreaterThan(0);
    expect(await count({})).toBe(0);
    expect(await count({ factor: 6 })).toBeGreaterThan(0);
    expect(await count({ seed: 1 })).toBeGreaterThan(0);
    expect(await count({ length: 13 })).toBeGreaterThan(0);
    expect(await count({ factor: 6 })).toBe(0);
  });

  it('distinguishes code by the text of modules and of what they import', () => {
    const folder = mkdtempSync(join(home, 'code-'));
    const [main, part] = [join(folder, 'main.js'), join(folder, 'part.js')];
    writeFileSync(main, "import { part } from './part.js';\nexport default part;\n");
    writeFileSync(part, 'export const part = 1;\n');
    const recipe = {
      module: `file://${main}`,
      export: 'default',
      calls: false,
      options: { x: Int8Array.of(1) },
    };
    const before = identityOfCode(recipe);
    expect(identityOfCode({ ...recipe })).toBe(before);
    expect(identityOfCode({ ...recipe, options: { x: Int8Array.of(2) } })).not.toBe(before);
    expect(identityOfCode({ ...recipe, options: { x: Uint8Array.of(1) } })).not.toBe(before);
    appendFileSync(part, '// changed\n');
    expect(identityOfCode(recipe)).not.toBe(before);
  });

  it('ignores damaged files and writes them again', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('cut', 'flip', 'empty', 'longer'),
        fc.nat(11),
        fc.nat(60),
        async (how, which, at) => {
          const cacheSamples = { disk: newFolder() };
          const expected = await epochs(load({}, { cacheSamples }), 1);
          const file = filesIn(cacheSamples.disk)[which]!;
          const whole = readFileSync(file);
          const damaged = Buffer.from(whole);
          damaged[at % whole.length]! ^= 1 << (at % 8);
          const bytes = {
            cut: whole.subarray(0, at % whole.length),
            flip: damaged,
            empty: Buffer.alloc(0),
            longer: Buffer.concat([whole, Buffer.from('x')]),
          };
          writeFileSync(file, bytes[how]);
          expect(await epochs(load({}, { cacheSamples }), 1)).toEqual(expected);
          // Written again, not necessarily with the same bytes: only values must be equal, and one run in Bun had others.
          expect(readFileSync(file).equals(bytes[how])).toBe(false);
        },
      ),
      { numRuns: 8 },
    );
  });

  it('leaves no part of a sample behind when the process is killed', async () => {
    const [disk, log] = [newFolder(), newFolder()];
    const program = fileURLToPath(new URL('../fixtures/killed-while-keeping.js', import.meta.url));
    const args = [program, JSON.stringify({ fixture: fixture.href, log, disk })];
    const killed = await new Promise((resolve) => {
      execFile(process.execPath, args, (error) => resolve(error?.signal));
    });
    expect(killed).toBe('SIGKILL');
    writeFileSync(log, '');
    const plain = load({ length: 3000 }, {})[Symbol.asyncIterator]();
    let taken = 0;
    for await (const batch of load({ length: 3000, log }, { cacheSamples: { disk } })) {
      expect(batch).toEqual((await plain.next()).value);
      if (++taken === 60) break;
    }
    // What the killed process had kept was not made again, and the rest was.
    const made = madeIn(log).map(Number);
    expect(made).toEqual(Array.from({ length: made.length }, (_, k) => 240 - made.length + k));
    expect(made.length).toBeGreaterThanOrEqual(36);
    expect(made.length).toBeLessThanOrEqual(40);
  });

  it('evicts the samples of other code, the least recently used first, and never more than the limit stays', async () => {
    const disk = newFolder();
    const long = (factor: number): Promise<unknown[]> =>
      epochs(load({ length: 400, factor }, { cacheSamples: { disk, maxBytes: 2 ** 16 } }), 1);
    const total = (): number => filesIn(disk).reduce((sum, path) => sum + statSync(path).size, 0);
    await long(1);
    const [first] = readdirSync(disk);
    expect(total()).toBeLessThanOrEqual(2 ** 16);
    // Its own samples fill the folder: those of other code, which were used just now, are not evicted.
    await long(2);
    expect(readdirSync(disk)).toContain(first);
    expect(total()).toBeLessThanOrEqual(2 ** 16);
    const hourAgo = new Date(Date.now() - 3_600_000);
    for (const name of readdirSync(disk)) utimesSync(join(disk, name), hourAgo, hourAgo);
    await long(3);
    expect(readdirSync(disk)).not.toContain(first);
    expect(total()).toBeLessThanOrEqual(2 ** 16);
    expect(total()).toBeGreaterThan(2 ** 15);
  });

  it('refuses a sample that is not always the same, under every policy', async () => {
    for (const what of ['rng', 'part', 'epoch', 'seed', 'step', 'caught']) {
      for (const onError of ['throw', 'skip', 'replace', 'retry'] as const) {
        const transform = workerFunction(fixture, { export: 'asking', options: { what } });
        const loader = load({}, { transform, onError, cacheSamples: { memory: 2 ** 20 } });
        const failed = batchesOf(loader);
        await expect(failed).rejects.toThrow(ConfigError);
        await expect(failed).rejects.toThrow(
          /cacheSamples: keeps samples that are always the same.*context\./,
        );
      }
    }
    const transform = workerFunction(fixture, { export: 'asking', options: { what: 'rng' } });
    const loader = load({}, { transform, numWorkers: 1, cacheSamples: { disk: newFolder() } });
    await expect(batchesOf(loader)).rejects.toThrow(/random numbers/);
    await loader.close();
  });

  it('refuses samples that would come back changed, and code that it cannot tell apart', async () => {
    for (const [kind, part] of [
      ['class', /an instance of Own at odd/],
      ['function', /a function at odd/],
      ['map', /an instance of Map at odd/],
    ] as const) {
      const transform = workerFunction(fixture, { export: 'foreign', options: { kind } });
      const loader = load(
        {},
        { transform, cacheSamples: { memory: 2 ** 20 }, collate: (samples: unknown) => samples },
      );
      await expect(batchesOf(loader)).rejects.toThrow(part);
    }
    const disk = newFolder();
    const unknown = new DataLoader(range(4), { transform: (x) => x + 1, cacheSamples: { disk } });
    await expect(batchesOf(unknown)).rejects.toThrow(/know the code of the transform.*workerFunction/);
    const named = Object.assign((x: number) => x + 1, { fingerprint: () => 'one more' });
    expect(
      await batchesOf(new DataLoader(range(4), { transform: named, cacheSamples: { disk } })),
    ).toHaveLength(4);
    const plain = { length: 3, get: (index: number) => index };
    await expect(batchesOf(new DataLoader(plain, { cacheSamples: { disk } }))).rejects.toThrow(
      /workerDataset/,
    );
    const inMemory = new DataLoader(range(4), { transform: (x) => x + 1, cacheSamples: { memory: 2 ** 16 } });
    expect((await batchesOf(inMemory)).map(({ data }) => data[0])).toEqual([1, 2, 3, 4]);
    const mixture = new MixtureDataset([new ArrayDataset([1])], { weights: [1] });
    await expect(batchesOf(new DataLoader(mixture, { cacheSamples: { memory: 2 ** 16 } }))).rejects.toThrow(
      /same sample in every epoch/,
    );
    const stream = { iterate: () => [1] };
    expect(() => new DataLoader(stream as never, { cacheSamples: { memory: 2 ** 16 } })).toThrow(/map-style/);
    expect(() => new DataLoader(range(1), { cacheSamples: {} as never })).toThrow(/\{ memory: bytes \}/);
  });
});
