import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DataLoader, MixtureDataset } from 'millrace';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runInOneProcess as runCommand } from './in-one-process.js';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const millrace = new URL('../../dist/index.js', import.meta.url).href;
const deepspeed = new URL('../../dist/deepspeed/index.js', import.meta.url).href;
const torchDump = path('../fixtures/torch-dump.jsonl');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-verify-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

let modules = 0;
/** A new module that exports what the expression gives; `M` is Millrace. */
function moduleOf(name: string, expression: string): string {
  const file = join(folder, `${modules++}-${name}`);
  writeFileSync(file, `import * as M from '${millrace}';\nexport default ${expression};\n`);
  return file;
}

/** A dump as docs/dump_batches.py writes it. */
function dumpOf(name: string, epochs: readonly (readonly unknown[])[], limited = false): string {
  const lines = epochs.flatMap((batches, epoch) => batches.map((value, batch) => ({ epoch, batch, value })));
  const all = [{ millrace_dump: 1, versions: {} }, ...lines, { end: true, batches: lines.length, limited }];
  const file = join(folder, name);
  writeFileSync(file, all.map((line) => `${JSON.stringify(line)}\n`).join(''));
  return file;
}

const verify = (...args: string[]) => runCommand(['verify', ...args]);

/** Says what is there and what is expected of two batches of two. */
const tensorOf = (data: number[], dtype = 'float32', shape = [data.length]) => ({
  dtype,
  shape,
  sha256: '',
  data,
});
const twoBatches = () =>
  moduleOf('two.mjs', 'new M.DataLoader(new M.ArrayDataset([1, 2, 3, 4]), { batchSize: 2 })');

describe('millrace verify', () => {
  it('confirms equality with a PyTorch loader, dtypes included, in every epoch', async () => {
    const loader = join(folder, 'torch.mjs');
    writeFileSync(
      loader,
      `import { ArrayDataset, DataLoader } from '${millrace}';
       import { torchCollate } from '${deepspeed}';
       import { TorchGenerator } from '${new URL('../../dist/random/index.js', import.meta.url).href}';
       const samples = Array.from({ length: 23 }, (_, i) => ({
         x: BigInt64Array.of(BigInt(i), BigInt(-i)),
         label: BigInt(i % 7),
         score: i / 3,
         name: 'n' + i,
         large: BigInt64Array.from({ length: 900 }, (_, k) => BigInt(k + i)),
       }));
       export default () => new DataLoader(new ArrayDataset(samples), {
         batchSize: 5, shuffle: true, generator: new TorchGenerator(42), collate: torchCollate({ numberDtype: 'float64' }),
       });`,
    );
    const { status, stdout } = await verify(loader, '--against', torchDump);
    expect([status, stdout]).toEqual([0, `10 batches in 2 epochs are equal to ${torchDump}.\n`]);

    // The large field has a digest alone: another element there is found all the same.
    const other = join(folder, 'other.mjs');
    writeFileSync(
      other,
      readFileSync(loader, 'utf8').replace('BigInt(k + i)', 'BigInt(k + i + (i === 22 && k === 0))'),
    );
    const changed = await verify(other, '--against', torchDump, '--json');
    expect(changed.status).toBe(1);
    expect(JSON.parse(changed.stdout)).toMatchObject({
      equal: false,
      difference: { epoch: 0, path: 'large', here: expect.stringMatching(/^elements of SHA-256/) },
    });
  });

  it.each([
    [
      'another element',
      [tensorOf([1, 2]), tensorOf([3, 5])],
      'batch 1 of epoch 0, at [1]:\n  in the dump  5\n  here         4',
    ],
    ['another dtype', [tensorOf([1, 2], 'float64')], 'the dtype float64\n  here         the dtype float32'],
    ['another shape', [tensorOf([1, 2], 'float32', [2, 1])], 'the shape [2,1]\n  here         the shape [2]'],
    ['a mapping', [{ fields: { x: tensorOf([1, 2]) } }], 'the fields x\n  here         a tensor float32 [2]'],
    ['a longer list', [[1, 2, 3]], '3 entries\n  here         2 entries'],
    ['fewer batches', [tensorOf([1, 2])], 'the end of the epoch\n  here         another batch'],
    [
      'more batches',
      [tensorOf([1, 2]), tensorOf([3, 4]), tensorOf([5, 6])],
      'another batch\n  here         the end of the epoch',
    ],
    ['no batch at all', [], 'the end of the epoch\n  here         another batch'],
  ])('names the first difference: %s', async (name, batches, text) => {
    const dump = dumpOf(`${name}.jsonl`, [batches]);
    const { status, stdout } = await verify(twoBatches(), '--against', dump);
    expect(status).toBe(1);
    expect(stdout).toContain(text);
  });

  it('compares values only, a limited number of batches, and all epochs of the dump', async () => {
    const asDoubles = dumpOf('doubles.jsonl', [
      [tensorOf([1, 2], 'float64'), [3, 4]],
      [
        [1, 2],
        [3, 4],
      ],
    ]);
    const whole = await verify(twoBatches(), '--against', asDoubles, '--values-only', '--json');
    expect(JSON.parse(whole.stdout)).toEqual({ equal: true, batches: 4, epochs: 2 });
    const limited = dumpOf('limited.jsonl', [[tensorOf([1, 2])]], true);
    expect((await verify(twoBatches(), '--against', limited)).status).toBe(0);
    const other = dumpOf('other.jsonl', [[tensorOf([1, 2]), tensorOf([0, 0])]]);
    expect((await verify(twoBatches(), '--against', other, '--limit', '1')).status).toBe(0);
  });

  it('prints numbers that JSON cannot represent, and paths of nested fields', async () => {
    const loader = moduleOf(
      'nested.mjs',
      `[{ a: [M.tensor(Float64Array.of(NaN, -Infinity)), 'text', null], b: M.tensor(BigInt64Array.of(2n ** 60n)) }]`,
    );
    const value = (b: string) => ({
      fields: {
        a: [tensorOf(['NaN', '-Infinity'] as never, 'float64'), 'text', null],
        b: tensorOf([b] as never, 'int64'),
      },
    });
    const equal = dumpOf('nested.jsonl', [[value(String(2n ** 60n))]]);
    expect((await verify(loader, '--against', equal)).stdout).toContain('1 batch in 1 epoch is equal');
    const off = dumpOf('off.jsonl', [[value(String(2n ** 60n + 1n))]]);
    expect((await verify(loader, '--against', off)).stdout).toContain(
      'at b[0]:\n  in the dump  1152921504606846977',
    );
  });

  interface SamplerCase {
    readonly name: string;
    readonly n: number;
    readonly user_config: object;
    readonly micro_batch_size: number;
    readonly ranks: number[][][];
  }

  it('compares the sample ids of a DeepSpeed configuration on any rank, and does not touch its cluster folder', async () => {
    const { cases } = JSON.parse(readFileSync(path('../golden/data_sampler.json'), 'utf8')) as {
      cases: SamplerCase[];
    };
    const { user_config, micro_batch_size, ranks, n } = cases.find(
      ({ name }) => name === 'value_schedule_dp2',
    )!;
    const config = join(folder, 'ds_config.json');
    const text = JSON.stringify({ train_micro_batch_size_per_gpu: micro_batch_size, ...user_config })
      .replaceAll('{FILES}', path('../golden/analyzer_files'))
      .replaceAll('{CLUSTERS}', join(folder, 'untouched'));
    writeFileSync(config, text);
    for (const [rank, batches] of ranks.entries()) {
      const dump = dumpOf(`rank${rank}.jsonl`, [batches], true);
      const flags = ['--samples', String(n), '--world-size', '2', '--rank', String(rank)];
      const { status, stdout } = await verify(config, '--against', dump, ...flags);
      expect([status, stdout]).toEqual([0, `200 batches in 1 epoch are equal to ${dump}.\n`]);
    }
    expect(() => readFileSync(join(folder, 'untouched'))).toThrow(/ENOENT/);
    expect(await verify(config, '--against', torchDump)).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/--samples: is missing/),
    });
  });

  it.each([
    ['is not a dump', 'nothing.jsonl', 'hello\n', /is not a dump of batches .*line 1/],
    [
      'is of a later version',
      'later.jsonl',
      '{"millrace_dump": 9}\n',
      /has version 9, this Millrace reads 1/,
    ],
    [
      'is truncated',
      'cut.jsonl',
      '{"millrace_dump": 1}\n{"epoch":0,"batch":0,"value":[1,2]}\n',
      /truncated: its last line is missing/,
    ],
    [
      'is damaged',
      'damaged.jsonl',
      '{"millrace_dump": 1}\n{"epoch":0,"ba\n',
      /A line of the dump is not JSON.*line 2/,
    ],
    [
      'contains something else',
      'odd.jsonl',
      '{"millrace_dump": 1}\n{"epoch":"x"}\n',
      /A line of the dump is not a batch \(.*line 2/,
    ],
  ])('refuses a dump that %s', async (_, name, text, message) => {
    writeFileSync(join(folder, name), text);
    const result = await verify(twoBatches(), '--against', join(folder, name));
    expect(result).toMatchObject({ status: 1, stderr: expect.stringMatching(message) });
    expect(result.stderr).not.toContain('    at ');
  });

  it.each([
    ['is not there', 'absent.mjs', undefined, 1, /There is no such file/],
    ['exports no loader', 'number.mjs', '4', 2, /has no loader as default export/],
    [
      'fails to load',
      'failing.mjs',
      `(() => { throw new Error('no data here'); })()`,
      1,
      /cannot be loaded[\s\S]*because: no data here/,
    ],
    [
      'fails on the way',
      'halfway.mjs',
      `(function* () { yield [1, 2]; throw new Error('the disk is gone'); })()`,
      1,
      /The loader threw an error \(epoch 0, batch 1\)[\s\S]*because: the disk is gone/,
    ],
  ])('says so when the module %s', async (_, name, expression, status, message) => {
    const file = expression === undefined ? join(folder, name) : moduleOf(name, expression);
    const dump = dumpOf('for-modules.jsonl', [
      [
        [1, 2],
        [3, 4],
      ],
    ]);
    const result = await verify(file, '--against', dump);
    expect(result).toMatchObject({ status, stderr: expect.stringMatching(message) });
    expect(result.stderr).not.toContain('    at ');
  });
});

describe('millrace verify --receipt', () => {
  const loaderOf = (name: string, options: string) =>
    moduleOf(
      name,
      `new M.DataLoader({ length: 100, get: () => { throw new Error('was read'); }, fingerprint: () => 'a' }, ${options})`,
    );

  it('recomputes the order without reading samples', async () => {
    const loader = new DataLoader(
      { length: 100, get: (index) => index, fingerprint: () => 'a' },
      {
        batchSize: 12,
        shuffle: true,
        rank: 1,
        worldSize: 3,
      },
    );
    for (const _ of [0, 1]) for await (const batch of loader) void batch;
    const file = join(folder, 'receipt.json');
    writeFileSync(file, JSON.stringify(loader.receipt()));
    const module = loaderOf('shuffled.mjs', '{ batchSize: 12, shuffle: true }');
    const { status, stdout } = await verify(module, '--receipt', file);
    expect([status, stdout]).toEqual([
      0,
      `18 batches of ${file} match this loader. Digest ${loader.receipt().digest}\n`,
    ]);

    const receipt = loader.receipt();
    const trail = Uint8Array.from(atob(receipt.trail), (letter) => letter.charCodeAt(0));
    trail.set([trail[44]! ^ 1], 44);
    writeFileSync(file, JSON.stringify({ ...receipt, trail: Buffer.from(trail).toString('base64') }));
    const changed = await verify(module, '--receipt', file);
    expect(changed.status).toBe(1);
    expect(changed.stdout).toContain('first at batch 11 of the receipt: step 2 of epoch 1, on rank 1.');
    const json = await verify(module, '--receipt', file, '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({ equal: false, difference: { epoch: 1, step: 2 } });
  });

  it('verifies a run whose weights and batch sizes changed on the way, without its phases', async () => {
    const run = `const source = (name) => ({ length: 60, get: () => 1, fingerprint: () => name });
      const loader = () => new M.DataLoader(new M.MixtureDataset([source('a'), source('b')], { weights: [1, 1] }), { batchSize: 4 });`;
    const source = (name: string) => ({ length: 60, get: () => 1, fingerprint: () => name });
    const loader = new DataLoader(new MixtureDataset([source('a'), source('b')], { weights: [1, 1] }), {
      batchSize: 4,
    });
    let steps = 0;
    for await (const _ of loader) {
      steps += 1;
      if (steps === 3) await loader.amend({ weights: [3, 1], batchSize: 6 });
      if (steps === 7) await loader.amend({ weights: [1, 9] });
    }
    const file = join(folder, 'amended.json');
    writeFileSync(file, JSON.stringify(loader.receipt()));
    const module = moduleOf('feedback.mjs', `(() => { ${run} return loader(); })()`);
    const { status, stdout } = await verify(module, '--receipt', file);
    expect([status, stdout]).toEqual([0, expect.stringContaining(`${steps} batches of`)]);
    // What is declared is compared.
    const other = moduleOf(
      'declared.mjs',
      `await (async () => { ${run} const l = loader(); await l.amend({ at: 3, weights: [1, 3] }); return l; })()`,
    );
    const refused = await verify(other, '--receipt', file);
    expect([refused.status, refused.stderr]).toEqual([
      1,
      expect.stringContaining('differently at global step 3'),
    ]);
  });

  it.each([
    [['--receipt', 'missing.json'], 'The receipt cannot be read'],
    [['--receipt', import.meta.filename], 'The receipt is not JSON'],
    [[], '--against: is missing: to verify a loader'],
  ])('rejects %j with the reason', async (args, message) => {
    const { status, stderr } = await verify(twoBatches(), ...args);
    expect(status).not.toBe(0);
    expect(stderr).toContain(message);
  });
});
