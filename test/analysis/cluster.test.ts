import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Queue } from 'bullmq';
import { workerDataset, workerFunction } from 'millrace';
import { analyzeDifficulty, analyzeOnCluster, ClusterWorker, cancelOnCluster } from 'millrace/analysis';
import { StorageError, WorkerExitError } from 'millrace/errors';
import { describe, expect, it } from 'vitest';
import { analysisId } from '../../dist/analysis/analysis-description.js';
import type { ClusterOptions } from '../../dist/analysis/cluster/analyze-on-cluster.js';
import { connectRedis } from '../../dist/parts/cluster/redis.js';
import { WorkQueue } from '../../dist/parts/cluster/work-queue.js';
import { engineOptions, filesIn, plainCases } from '../parity/analyzer-case.js';
import { ClusterFixture } from '../parts/cluster/cluster-fixture.js';
import { redisProgram } from '../parts/cluster/redis-server.js';
import { searchSize } from '../setup/search-size.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const module = new URL('../fixtures/cluster-dataset.js', import.meta.url);
const fixtures = fileURLToPath(new URL('../fixtures', import.meta.url));

let runs = 0;
const cluster = new ClusterFixture('cluster');
const { redis } = cluster;
const startWorker = cluster.startWorker.bind(cluster);

const nextRun = () => ({ outputDir: join(cluster.folder, `run-${runs}`), queue: `queue-${runs++}` });

const options = (
  more: Partial<ClusterOptions> = {},
): ClusterOptions & { outputDir: string; queue: string } => ({
  ...nextRun(),
  redis: redis.url,
  partSamples: 100,
  backoffMs: 10,
  pollMs: 20,
  ...more,
});

const dataset = workerDataset(module, { export: 'tokens', options: { length: 1_000 } });

/** Adds a job to the queue as an attacker would who can write to Redis and to a folder. */
async function addAnalysis(
  queue: Queue,
  outputDir: string,
  named: { dataset: object; metrics: readonly unknown[] },
) {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const metrics = [{ name: 'compressionratio', kind: 'value', scale: 0, code: 'compressionratio' }];
  const description = {
    millrace: version,
    dataset: JSON.stringify(named),
    samples: 4,
    partSamples: 4,
    metrics,
    layout: 'native' as const,
    deepSpeedParts: {},
  };
  const id = analysisId(description);
  const request = { ranges: [[0, 4]], mergeBytes: 1e6 };
  mkdirSync(join(outputDir, '.parts', id), { recursive: true });
  writeFileSync(
    join(outputDir, '.parts', id, 'work.json'),
    JSON.stringify({
      millrace: version,
      kind: 'analysis',
      id,
      phases: [{ partJob: 'map', joinJob: 'reduce', parts: 1, samples: 4, partSamples: 4 }],
      attempts: 1,
      backoffMs: 0,
      details: { ...named, description, request, needsCounts: false },
    }),
  );
  await queue.add('map', { kind: 'analysis', store: outputDir, id, phase: 0, part: 0 });
}

let moods = 0;
/** An analysis whose metric fails or waits on some samples, as its mood is. */
function moody(first: 'no' | 'later', more: Partial<ClusterOptions>) {
  const file = join(cluster.folder, `mood-${moods++}`);
  const mood = (next: 'no' | 'later' | 'yes'): void => writeFileSync(file, next);
  mood(first);
  const metric = workerFunction(new URL('../fixtures/moody-metric.js', import.meta.url), {
    options: { allowed: file },
  });
  return { mood, own: options({ metrics: [metric], ...more }) };
}

/** What one process writes. */
async function expectedFiles(asked: { metrics?: readonly string[]; layout?: 'native' } = {}) {
  const { outputDir } = nextRun();
  const { tokens } = (await import(module.href)) as { tokens: (o: object) => never };
  const { metrics, layout } = { layout: 'both' as const, metrics: ['seqlen', 'vocabularyrarity'], ...asked };
  await analyzeDifficulty(tokens({ length: 1_000 }), { outputDir, numWorkers: 0, metrics, layout });
  const { 'analysis.json': record, ...files } = filesIn(outputDir);
  expect(record).toBeDefined();
  return files;
}

const resultsIn = (outputDir: string) => {
  const { 'analysis.json': _, ...files } = filesIn(outputDir);
  return files;
};

describe.skipIf(!redisProgram)('analyzeOnCluster', () => {
  it('writes the golden files', async () => {
    const queue = 'golden';
    const worker = await ClusterWorker.start({ redis: redis.url, queue, allow: [fixtures] });
    // `test/parity/analyzer.test.ts` has all of them, without a cluster.
    const cases = plainCases();
    for (const golden of cases.slice(0, searchSize({ short: 3, long: cases.length }))) {
      const { outputDir } = nextRun();
      const scalars = workerDataset(new URL('../fixtures/scalar-dataset.js', import.meta.url), {
        export: 'scalars',
        options: { length: golden.n },
      });
      await analyzeOnCluster(scalars, {
        ...options({ queue, outputDir, partSamples: 70 }),
        ...engineOptions(golden),
      });
      expect(resultsIn(outputDir)).toEqual(golden.final);
    }
    await worker.close();
  });

  it('gives the same bytes whenever workers are killed, and loses no job', async () => {
    const small = { metrics: ['vocabularyrarity'], layout: 'native', partSamples: 200 } as const;
    const expected = await expectedFiles(small);
    // Two lanes side by side, each with a worker that lives and two that are killed in every run.
    const lane = async (queue: string, shift: number): Promise<void> => {
      const survivor = startWorker(queue);
      await survivor.until('ready');
      for (let run = 0; run < searchSize({ short: 1, long: 25 }); run++) {
        const own = options({ queue, ...small });
        const victims = [startWorker(queue), startWorker(queue)];
        await Promise.all(victims.map((worker) => worker.until('ready')));
        const analysis = analyzeOnCluster(dataset, own);
        for (const [i, victim] of victims.entries())
          void victim.until('started', 1 + ((run + 3 * i + shift) % 7)).then(() => victim.kill());
        await analysis;
        expect(resultsIn(own.outputDir)).toEqual(expected);
        for (const victim of victims) victim.kill();
      }
    };
    await Promise.all([lane('lane-0', 0), lane('lane-1', 4)]);
  });

  it('continues after Redis was killed and restarted', async () => {
    const own = options();
    const worker = startWorker(own.queue);
    const analysis = analyzeOnCluster(dataset, own);
    for (const jobs of [3, 9, 21]) {
      await worker.until('started', jobs);
      await redis.kill();
      await redis.start();
    }
    await analysis;
    expect(resultsIn(own.outputDir)).toEqual(await expectedFiles());
  });

  it('is refused by a worker with another dataset, which says so; another one does the work', async () => {
    const version = join(cluster.folder, 'version');
    writeFileSync(version, 'first');
    const refusals: string[] = [];
    let isQueued = (): void => {};
    const queued = new Promise<void>((resolve) => {
      isQueued = resolve;
    });
    const own = options({ onRefusal: (refusal) => refusals.push(refusal), onProgress: () => isQueued() });
    const source = workerDataset(module, { export: 'versioned', options: { length: 1_000, version } });
    const waiting = analyzeOnCluster(source, own);
    await queued;
    writeFileSync(version, 'second');
    const wrong = startWorker(own.queue);
    await wrong.until('refused');
    expect(wrong.said.at(-1)!.reason).toMatch(
      /^ERR_MILLRACE_STATE_MISMATCH: .*another data set \(field dataset, wanted first, here second\)/,
    );
    writeFileSync(version, 'first');
    const right = startWorker(own.queue);
    await waiting;
    expect(refusals.join()).toMatch(/:\d+: ERR_MILLRACE_STATE_MISMATCH: .*data set/);
    expect([...right.said, ...wrong.said].some(({ job }) => job === 'reduce')).toBe(true);
  });

  it('is refused by a worker of another version, and another one does the work', async () => {
    // The same build under another number.
    const other = join(cluster.folder, 'other-version');
    const runs = (file: string) => !/\.(map|d\.ts)$/.test(file);
    cpSync(join(root, 'dist'), join(other, 'dist'), { recursive: true, filter: runs });
    for (const file of ['cluster-worker.js', 'cluster-dataset.js'])
      cpSync(join(fixtures, file), join(other, 'test/fixtures', file));
    symlinkSync(join(root, 'node_modules'), join(other, 'node_modules'));
    cpSync(join(root, 'package.json'), join(other, 'package.json'));
    writeFileSync(join(other, 'dist/core/version.js'), "export const version = '99.0.0';\n");
    const own = options();
    const waiting = analyzeOnCluster(dataset, own);
    const wrong = startWorker(own.queue, { dist: other });
    await wrong.until('refused');
    expect(wrong.said.at(-1)!.reason).toMatch(
      /another version of Millrace \(field millrace, .*here 99\.0\.0\)/,
    );
    startWorker(own.queue);
    await waiting;
  });

  it('imports no module that the worker does not allow, by whatever name', async () => {
    const imported = join(cluster.folder, 'imported');
    const code = `import { writeFileSync } from 'node:fs'; writeFileSync(${JSON.stringify(imported)}, ''); export default { length: 4, get: () => ({ text: 'a' }) };`;
    const evil = join(cluster.folder, 'evil.mjs');
    writeFileSync(evil, code);
    const file = pathToFileURL(evil).href;
    const own = options({ partSamples: 500 });
    const worker = startWorker(own.queue);
    const allowed = new URL('../fixtures/', import.meta.url).href;
    const urls = [
      `data:text/javascript,${encodeURIComponent(code)}`,
      file,
      `${allowed}../../${'../'.repeat(20)}${evil.slice(1)}`,
      'node:child_process',
      `${allowed}..%2f..%2f${'..%2f'.repeat(20)}${encodeURIComponent(evil.slice(1))}`,
    ];
    const bull = new Queue(own.queue, { connection: redis.address });
    for (const url of urls) {
      const outputDir = mkdtempSync(join(cluster.folder, 'place-'));
      const recipe = { module: url, export: 'default', calls: true };
      await addAnalysis(bull, outputDir, { dataset: recipe, metrics: ['compressionratio'] });
      await addAnalysis(bull, outputDir, { dataset: { files: evil }, metrics: [recipe] });
    }
    await analyzeOnCluster(dataset, own);
    expect(worker.said.filter(({ type }) => type === 'refused').length).toBeGreaterThanOrEqual(urls.length);
    expect(worker.said.filter(({ reason }) => reason && !/allow|encoded \//.test(reason))).toEqual([]);
    expect(existsSync(imported)).toBe(false);
    await bull.close();
  });

  it('sets aside jobs that no worker can do, with the reasons, while other analyses continue', async () => {
    const own = options({ partSamples: 500 });
    const worker = startWorker(own.queue);
    const bull = new Queue(own.queue, { connection: redis.address });
    const outputDir = mkdtempSync(join(cluster.folder, 'stale-'));
    const id = '0'.repeat(32);
    const job = { kind: 'analysis', store: outputDir, id, phase: 0 };
    const jobs = [
      { name: 'map', data: { ...job, part: 0 } },
      { name: 'convert', data: { ...job, kind: 'conversion', part: 0 } },
      { name: 'reduce', data: job },
      { name: 'map', data: { ...job, store: `${outputDir}/../x`, id: '../../etc' } },
      { name: 'map', data: { ...job, store: 'data:,x' } },
      { name: 'constructor', data: { ...job, kind: 'constructor' } },
      { name: 'map', data: null },
      { name: 'map', data: { ['__proto__']: 1, store: [], id, phase: 'x' } },
    ];
    const added = [];
    for (const { name, data } of jobs) added.push(await bull.add(name, data));
    await analyzeOnCluster(dataset, own);
    // Each is tried again with growing pauses; the test does not wait for them.
    for (const job of added) {
      while ((await job.getState()) !== 'failed') {
        if (await job.isDelayed()) await job.promote().catch(() => {});
        else await new Promise(setImmediate);
      }
      const failed = (await bull.getJob(job.id!))!;
      expect(failed.failedReason).toMatch(
        /^No worker can do it\. \S+:\d+:\d+: ERR_MILLRACE_(FORMAT|STORAGE): The /,
      );
    }
    await analyzeOnCluster(dataset, options({ queue: own.queue, partSamples: 500 }));
    expect(worker.said.filter(({ type }) => type === 'refused').length).toBeGreaterThanOrEqual(3);
    await bull.close();
  });

  it('sets a job aside only once every connected worker has refused it', async () => {
    const queue = 'listeners';
    const started = [
      await ClusterWorker.start({ redis: redis.url, queue }),
      await ClusterWorker.start({ redis: redis.url, queue }),
    ];
    const own = await connectRedis(redis.url);
    const analyses = new WorkQueue(own, queue);
    const bull = new Queue(queue, { connection: redis.address });
    // A worker is in the list once it is connected.
    let names: string[] = [];
    while (names.length < 2)
      names = (await bull.getWorkers()).map(({ rawname = '' }) => rawname.split(':w:')[1]!).filter(Boolean);
    const refusals = names.map((worker) => ({ worker, reason: 'no' }));
    expect(await analyses.isRefusedByAll(refusals.slice(1))).toBe(false);
    expect(await analyses.isRefusedByAll(refusals)).toBe(true);
    for (const worker of started) await worker.close();
    await analyses.close();
    await bull.close();
    own.connection.disconnect();
  });

  it('fails with the reason after the last attempt of a job, and continues once the cause is fixed', async () => {
    const { mood, own } = moody('no', { attempts: 2 });
    const worker = startWorker(own.queue);
    const run = analyzeOnCluster(dataset, own);
    await expect(run).rejects.toThrow(WorkerExitError);
    await expect(run).rejects.toThrow(/Samples 464 to 499 .*Because: The mood is bad/);
    mood('yes');
    const { metrics } = await analyzeOnCluster(dataset, own);
    expect(metrics.moody).toMatchObject({ samples: 1_000, max: 999 });
    expect(worker.said.filter(({ type }) => type === 'failed').length).toBeGreaterThanOrEqual(2);
  });

  it('finds an existing result, and reports progress', async () => {
    const own = options();
    startWorker(own.queue);
    const seen: number[] = [];
    const first = await analyzeOnCluster(dataset, { ...own, onProgress: ({ done }) => seen.push(done) });
    expect(first.wasThere).toBe(false);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    const again = await analyzeOnCluster(dataset, own);
    expect(again).toMatchObject({ metrics: first.metrics, wasThere: true });
  });

  it('can be canceled at any moment, also while it is put into the queue', async () => {
    for (let run = 0; run < searchSize({ short: 4, long: 60 }); run++) {
      const own = options();
      // Without workers the analysis waits in the queue until it is removed.
      const canceled = expect(analyzeOnCluster(dataset, own)).rejects.toThrow(/it was canceled/);
      // What is not there yet is not taken out, and what is taken out is said to have been there.
      while (!(await cancelOnCluster(dataset, own)));
      await canceled;
      expect(await cancelOnCluster(dataset, own)).toBe(false);
    }
  });

  it('can be canceled while jobs run, which then finish, and continued at once', async () => {
    const { mood, own } = moody('later', { partSamples: 500 });
    const worker = startWorker(own.queue);
    const canceled = expect(analyzeOnCluster(dataset, own)).rejects.toThrow(/it was canceled/);
    await worker.until('started', 1, 'map');
    expect(await cancelOnCluster(dataset, own)).toBe(true);
    await canceled;
    const further = analyzeOnCluster(dataset, own);
    mood('yes');
    expect((await further).metrics.moody).toMatchObject({ samples: 1_000, max: 999 });
    // The reduce waited for all parts, those of before among them.
    expect(worker.said.filter(({ type }) => type === 'failed')).toEqual([]);
  });

  it('continues after a canceled job failed while it was still running', async () => {
    const { mood, own } = moody('later', { partSamples: 1_000, attempts: 1 });
    const worker = startWorker(own.queue);
    const canceled = expect(analyzeOnCluster(dataset, own)).rejects.toThrow(/it was canceled/);
    await worker.until('started', 1, 'map');
    expect(await cancelOnCluster(dataset, own)).toBe(true);
    await canceled;
    mood('no');
    await worker.until('failed');
    mood('yes');
    const again = () => analyzeOnCluster(dataset, own);
    // The queue may hear of the failure after the new jobs: then it is theirs.
    expect((await again().catch(again)).metrics.moody).toMatchObject({ samples: 1_000, max: 999 });
  });

  it('says when Redis does not answer, without the password', async () => {
    const run = analyzeOnCluster(dataset, options({ redis: 'redis://user:secret@127.0.0.1:1' }));
    await expect(run).rejects.toThrow(StorageError);
    await expect(run).rejects.toThrow(/Redis does not answer: .*redis:\/\/127\.0\.0\.1:1/);
  });
});
