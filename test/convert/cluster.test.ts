import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { workerFunction } from 'millrace';
import { cancelConversion, convert, mapDataset } from 'millrace/convert';
import { ConfigError, WorkerTransferError } from 'millrace/errors';
import { openDataset } from 'millrace/formats';
import S3rver from 's3rver';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { conversionWork } from '../../dist/convert/stored/conversion-work.js';
import { AllowedModules } from '../../dist/parts/cluster/allowed-modules.js';
import { parseSpecification } from '../../dist/parts/cluster/work-payload.js';
import { ClusterFixture } from '../parts/cluster/cluster-fixture.js';
import { redisProgram } from '../parts/cluster/redis-server.js';
import { isLong, searchSize } from '../setup/search-size.js';
import { bytesOf } from './folder-bytes.js';

const label = new URL('../fixtures/label.js', import.meta.url);

let lines: string;
let runs = 0;
const fixture = new ClusterFixture('convert-cluster');
const { redis } = fixture;
const startWorker = fixture.startWorker.bind(fixture);
beforeAll(() => {
  lines = join(fixture.folder, 'lines.jsonl');
  const rows = Array.from({ length: 600 }, (_, id) => ({ id, text: `text ${id} `.repeat(1 + (id % 9)) }));
  writeFileSync(lines, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
});
afterEach(() => {
  vi.unstubAllEnvs();
});

/** A folder for one output, so that equal outputs have equal names. */
function place(): string {
  const made = join(fixture.folder, `run-${runs++}`);
  mkdirSync(made);
  return made;
}

const cluster = (queue: string) => ({ redis: redis.url, queue, pollMs: 20, backoffMs: 10 });

const targets: Readonly<Record<string, Partial<Parameters<typeof convert>[1]>>> = {
  tokens: { to: 'tokens', tokenizer: 'bytes', shardSamples: 50 },
  parquet: { to: 'parquet', shardSamples: 50 },
  jsonl: { to: 'jsonl', shardSamples: 50 },
};

describe.skipIf(!redisProgram)('convert with redis', () => {
  it('writes the bytes of one thread when any of three workers are killed and Redis restarts', async () => {
    const expected = new Map<string, Record<string, string>>();
    for (const [to, options] of Object.entries(targets)) {
      const whole = place();
      await convert(lines, { ...options, output: join(whole, 'out'), numWorkers: 0 });
      expected.set(to, bytesOf(whole));
    }
    const queue = 'killed';
    const survivor = startWorker(queue);
    await survivor.until('ready');
    for (let run = 0; run < searchSize({ short: 3, long: 50 }); run++) {
      const to = Object.keys(targets)[run % 3]!;
      const made = place();
      const victims = Array.from({ length: isLong ? 2 : 1 }, () => startWorker(queue));
      await Promise.all(victims.map((worker) => worker.until('ready')));
      for (const [i, victim] of victims.entries())
        void victim.until('started', 1 + ((run + 2 * i) % 4)).then(() => victim.kill());
      const before = survivor.said.filter(({ type }) => type === 'started').length;
      const converting = convert(lines, { ...targets[to], output: join(made, 'out'), ...cluster(queue) });
      await Promise.race([survivor.until('started', before + 1 + (run % 3)), converting]);
      await redis.kill();
      await redis.start();
      const { wasDone, samples } = await converting;
      expect({ wasDone, samples }).toEqual({ wasDone: false, samples: 600 });
      expect(bytesOf(made)).toEqual(expected.get(to));
      for (const victim of victims) victim.kill();
    }
    const made = place();
    const seen: number[] = [];
    const options = { ...targets.jsonl, output: join(made, 'out'), ...cluster(queue) };
    await convert(lines, { ...options, onProgress: ({ done }) => seen.push(done) });
    expect(await convert(lines, options)).toMatchObject({ wasDone: true, samples: 600 });
    expect(seen.length).toBeGreaterThan(0);
  });

  it('writes straight into a bucket, from this process and from workers', async () => {
    const server = new S3rver({
      port: 0,
      address: '127.0.0.1',
      silent: true,
      directory: join(fixture.folder, 's3'),
      configureBuckets: [{ name: 'bucket', configs: [] }],
    });
    const env = {
      AWS_ENDPOINT_URL: `http://127.0.0.1:${((await server.run()) as AddressInfo).port}`,
      AWS_ACCESS_KEY_ID: 'S3RVER',
      AWS_SECRET_ACCESS_KEY: 'S3RVER',
    };
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    try {
      const queue = 'bucket';
      startWorker(queue, { env });
      const whole = place();
      const engines = { cluster: cluster(queue), threads: { numWorkers: 1 } };
      for (const [engine, to] of [
        ['cluster', 'tokens'],
        ['cluster', 'parquet'],
        ['threads', 'parquet'],
      ] as const) {
        const asked = { ...targets[to], shardSamples: 300 };
        const local = await convert(lines, {
          ...asked,
          output: join(whole, `${engine}-${to}`),
          numWorkers: 0,
        });
        const output = `s3://bucket/${engine}/${to}`;
        const made = await convert(lines, { ...asked, output, ...engines[engine] });
        expect(made.files.map(({ sha256 }) => sha256)).toEqual(local.files.map(({ sha256 }) => sha256));
        expect(await convert(lines, { ...asked, output, ...engines[engine] })).toMatchObject({
          wasDone: true,
        });
        const other = convert(lines, { ...asked, output, shardSamples: 299 });
        await expect(other).rejects.toThrow(/The output exists already and has other content/);
        const { dataset } = await openDataset(to === 'tokens' ? `${output}.bin` : `${output}/*.parquet`);
        expect(dataset.length).toBe(600);
        await dataset.close?.();
      }
    } finally {
      await server.close();
    }
  });

  it('can be canceled and continued; a worker that sees other data refuses it', async () => {
    const data = join(place(), 'data.jsonl');
    writeFileSync(data, readFileSync(lines));
    const output = join(place(), 'out');
    const options = { ...targets.jsonl, output, ...cluster('canceled') };
    let isQueued = (): void => {};
    const queued = new Promise<void>((resolve) => {
      isQueued = resolve;
    });
    const waiting = convert(data, { ...options, onProgress: () => isQueued() });
    const canceled = expect(waiting).rejects.toThrow(/it was canceled/);
    await Promise.race([queued, waiting]);
    expect(await cancelConversion(data, options)).toBe(true);
    await canceled;
    expect(await cancelConversion(data, options)).toBe(false);
    // What a worker reads, on a machine whose file has other content.
    const store = `${output}.converting`;
    const id = readdirSync(join(store, '.parts'))[0]!;
    const specification = parseSpecification(
      readFileSync(join(store, '.parts', id, 'work.json'), 'utf8'),
      id,
    );
    writeFileSync(data, readFileSync(lines, 'utf8').replaceAll('text', 'word'));
    const open = () => conversionWork.open(specification, store, new AllowedModules([]));
    await expect(open()).rejects.toThrow(/This conversion was started with other data/);
    writeFileSync(data, readFileSync(lines));
    await expect(open()).resolves.toBeTypeOf('function');
    const elsewhere = conversionWork.open(specification, `${output}-2.converting`, new AllowedModules([]));
    await expect(elsewhere).rejects.toThrow(/that of another conversion/);
  });

  it('takes no function, no credentials and no storage options to other machines', async () => {
    const options = { ...targets.tokens, output: join(place(), 'out'), ...cluster('refusals') };
    const tokenizer = (text: string) => [...text].map(() => 1);
    await expect(convert(lines, { ...options, tokenizer })).rejects.toThrow(WorkerTransferError);
    const headers = { authorization: 'secret' };
    await expect(convert(lines, { ...options, headers })).rejects.toThrow(ConfigError);
    await expect(convert(lines, { ...options, headers })).rejects.not.toThrow(/secret/);
  });

  it('maps on workers, which load only allowed functions', async () => {
    const log = join(place(), 'log');
    writeFileSync(log, '');
    const fn = workerFunction(label, { export: 'noted', options: { log } });
    const output = join(place(), 'out');
    const wrong = startWorker('mapped', { allow: fixture.folder });
    await wrong.until('ready');
    const mapping = mapDataset(lines, fn as never, { output, partSamples: 100, ...cluster('mapped') });
    await Promise.race([wrong.until('refused'), mapping]);
    expect(wrong.said.at(-1)!.reason).toMatch(/does not list the module/);
    startWorker('mapped');
    await mapping;
    const rows = (await openDataset(`${output}/*.jsonl`)).dataset;
    expect(rows.length).toBe(600);
    expect(await rows.get(599, undefined as never)).toMatchObject({ id: 599 });
    expect(new Set(readFileSync(log, 'utf8').trim().split('\n')).size).toBe(600);
  });
});
