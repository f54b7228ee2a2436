import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CurriculumSampler } from 'millrace/curriculum';
import { curriculumMetric, parseDeepSpeedConfig } from 'millrace/deepspeed';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CurriculumMetricConfig } from '../../dist/deepspeed/data-efficiency-config.js';
import { filesIn } from '../parity/analyzer-case.js';
import { RedisServer, redisProgram } from '../parts/cluster/redis-server.js';
import { runInOneProcess } from './in-one-process.js';
import { type CommandResult, runCommand } from './run-command.js';

let folder: string;
let data: string;
const samples = 300;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-analyze-'));
  data = join(folder, 'text.jsonl');
  const lines = Array.from({ length: samples }, (_, i) =>
    JSON.stringify({ text: `${'grist '.repeat(1 + ((i * 37) % 90))}${i}` }),
  );
  writeFileSync(data, lines.join('\n'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ok = (result: CommandResult): CommandResult => {
  expect(result.status, result.stderr).toBe(0);
  return result;
};

describe('millrace analyze', () => {
  it('prints the plan first, then the histogram, the quantiles and the admissions of a curriculum', async () => {
    const page = join(folder, 'page.html');
    const output = join(folder, 'out');
    const { stdout, stderr } = ok(
      await runInOneProcess(['analyze', data, '--output', output, '--steps', '500', '--html', page]),
    );
    expect(stderr).toMatch(
      /300 samples, one pass, in 2 threads\n {2}compressionratio: .*\n {2}punctuationshare/,
    );
    expect(stderr).toMatch(/up to \d+ MB of memory/);
    expect(stdout).toMatch(
      /compressionratio: size after compression[\s\S]*█[\s\S]*50 %[\s\S]*distinct values of 300/,
    );
    expect(stdout).toMatch(/Samples admitted by the curriculum below, over 500 steps[\s\S]*100 %/);
    expect(readFileSync(page, 'utf8')).toMatch(
      /<h1>Difficulty of .*text\.jsonl<\/h1>[\s\S]*curriculum_metrics/,
    );
    const again = ok(await runInOneProcess(['analyze', data, '--output', output]));
    expect(again.stdout).toMatch(/The index is complete already/);
  });

  it('suggests no curriculum if all samples have the same difficulty', async () => {
    const alike = join(folder, 'alike.jsonl');
    const words = Array.from({ length: 40 }, (_, i) => JSON.stringify({ text: 'grist '.repeat(1 + i) }));
    writeFileSync(alike, words.join('\n'));
    const page = join(folder, 'alike.html');
    const run = ['analyze', alike, '--output', join(folder, 'alike')];
    const { stdout } = ok(await runInOneProcess([...run, '--html', page]));
    expect(stdout).toMatch(/All 40 samples have the same value, so this metric cannot order a curriculum\./);
    expect(stdout).not.toMatch(/steps of punctuationshare|"punctuationshare"/);
    expect(readFileSync(page, 'utf8')).toMatch(/All samples are equally difficult/);
    const json = JSON.parse(ok(await runInOneProcess([...run, '--json'])).stdout) as {
      curriculum_metrics: object;
    };
    expect(Object.keys(json.curriculum_metrics)).toEqual(['compressionratio']);
  });

  it('suggests a curriculum that a DeepSpeed configuration accepts, and the sampler accepts after conversion', async () => {
    const output = join(folder, 'json');
    const { stdout } = ok(
      await runInOneProcess(['analyze', data, '--output', output, '--steps', '40', '--json']),
    );
    const { curriculum_metrics } = JSON.parse(stdout) as {
      curriculum_metrics: Record<string, CurriculumMetricConfig>;
    };
    expect(Object.keys(curriculum_metrics)).toEqual(['compressionratio', 'punctuationshare']);
    const config = parseDeepSpeedConfig({
      train_micro_batch_size_per_gpu: 8,
      data_efficiency: {
        enabled: true,
        data_sampling: {
          enabled: true,
          curriculum_learning: {
            enabled: true,
            data_cluster_path: join(folder, 'clusters'),
            curriculum_metrics,
          },
        },
      },
    });
    expect(JSON.stringify(config)).toContain('compressionratio');
    const metrics = Object.fromEntries(
      Object.entries(curriculum_metrics).map(([name, metric]) => [name, curriculumMetric(metric)]),
    );
    const sampler = new CurriculumSampler(samples, {
      batchSize: 8,
      stepsPerEpoch: 60,
      metrics,
    });
    const admitted = sampler.clusters.reduce((sum, { size }) => sum + size, 0);
    expect(admitted).toBe(samples);
  });

  it('estimates from a share of the samples, and exits with --dry-run', async () => {
    const output = join(folder, 'never');
    const { stdout, stderr } = ok(
      await runInOneProcess(['analyze', data, '--output', output, '--sample', '10%', '--dry-run']),
    );
    expect(stderr).toMatch(
      /Estimated from 30 samples \(10\.0 %\)[\s\S]*distinct values of 30[\s\S]*All samples will take about/,
    );
    expect(stdout).toBe('');
    expect(() => filesIn(output)).toThrow(/ENOENT/);
  });

  it('measures a dataset module with a metric module', async () => {
    const metric = join(folder, 'rank.mjs');
    writeFileSync(
      metric,
      'export const rank = (samples, { start }) => samples.map((_, i) => (start + i) % 7);',
    );
    const dataset = join(folder, 'numbers.mjs');
    writeFileSync(dataset, 'export default { length: 50, get: (i) => i };');
    const { stdout } = ok(
      await runInOneProcess([
        'analyze',
        dataset,
        '--output',
        join(folder, 'own'),
        '--metric-module',
        `${metric}#rank`,
        '--json',
      ]),
    );
    expect(JSON.parse(stdout)).toMatchObject({
      samples: 50,
      metrics: { rank: { min: 0, max: 6, distinct: 7 } },
    });
  });

  it('names the command to continue when stopped with Ctrl-C', async () => {
    const metric = join(folder, 'endless.mjs');
    writeFileSync(metric, 'export default () => new Promise((resolve) => setTimeout(resolve, 2 ** 30));');
    const { status, stderr } = await runCommand(
      ['analyze', data, '--output', join(folder, 'endless'), '--metric-module', metric],
      { interruptAfter: 'results in' },
    );
    expect(status).toBe(130);
    expect(stderr).toMatch(/Stopped\. Repeat the command to continue\./);
  });

  it('rejects a module that exports a stream', async () => {
    const stream = join(folder, 'stream.mjs');
    writeFileSync(stream, 'export default { *iterate() {} };');
    const { status, stderr } = await runInOneProcess(['analyze', stream, '--output', join(folder, 'none')]);
    expect(status).toBe(2);
    expect(stderr).toMatch(/stream\.mjs: exports no dataset with length and get/);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it.each([
    [['--metrics', 'seqlen'], 1, /Sample 0 .*\n.*no token ids/],
    [['--metrics', 'length'], 2, /there is no metric length; the built-in metrics are seqlen/],
    [['--metric-module', './none.js'], 2, /file \.\/none\.js does not exist/],
    [['--metric-module', 'seqlen'], 2, /select the built-in metric with --metrics seqlen/],
    [['--metric', './loss.js'], 2, /It is now --metric-module/],
    [['--memory', 'much'], 2, /512MB or 2GB/],
    [['--memory', '1MB'], 2, /1 MB are too little .* minimum is .* MB/],
    [['--sample', '0%'], 2, /1% or 0\.01/],
    [['--engine', 'bullmq'], 2, /--redis: is missing/],
    [['--engine', 'bullmq', '--redis', 'redis://127.0.0.1:1'], 1, /Redis does not answer/],
  ])('reports the mistake in %j, with status %d and no stack', async (flags, status, message) => {
    const result = await runInOneProcess(['analyze', data, '--output', join(folder, 'wrong'), ...flags]);
    expect(result.status).toBe(status);
    expect(result.stderr).toMatch(message);
    expect(result.stderr).not.toMatch(/^\s+at /m);
  });

  it.skipIf(!redisProgram)('writes the same files through the workers of a queue', async () => {
    const redis = await new RedisServer().start();
    try {
      const local = join(folder, 'local');
      const shared = join(folder, 'shared');
      ok(await runInOneProcess(['analyze', data, '--output', local]));
      const [analysis, worker] = await Promise.all([
        runCommand([
          ...['analyze', data, '--output', shared, '--engine', 'bullmq', '--redis', redis.url],
          ...['--part-samples', '64', '--json'],
        ]),
        runCommand(['worker', '--redis', redis.url, '--workers', '1'], { endAfter: /reduce done/ }),
      ]);
      ok(analysis);
      expect(worker.status).toBe(0);
      const withoutRecord = ({ 'analysis.json': _, ...files }: ReturnType<typeof filesIn>) => files;
      expect(withoutRecord(filesIn(shared))).toEqual(withoutRecord(filesIn(local)));
    } finally {
      await redis.stop();
    }
  });
});
