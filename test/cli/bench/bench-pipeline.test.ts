// millrace bench on real pipelines.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BenchPipelineOptions, benchPipeline } from '../../../dist/cli/bench/bench-pipeline.js';
import type { BenchResult } from '../../../dist/cli/bench/render-bench.js';
import { createProgress } from '../../../dist/cli/terminal/progress.js';
import { runInOneProcess } from '../in-one-process.js';
import { runCommand } from '../run-command.js';

const slow = fileURLToPath(new URL('../../fixtures/bench-loader.js', import.meta.url));
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-bench-test-'));
  const rows = Array.from({ length: 200 }, (_, id) =>
    JSON.stringify({ id, text: 'x'.repeat(id), tags: id % 2 ? ['a'] : [] }),
  );
  writeFileSync(join(folder, 'rows.jsonl'), `${rows.join('\n')}\n`);
  writeFileSync(join(folder, 'nothing.mjs'), 'export default 5;\n');
  writeFileSync(join(folder, 'ds.json'), JSON.stringify({ train_batch_size: 8 }));
  const texts = Array.from({ length: 50 }, (_, id) => JSON.stringify({ id, even: id % 2 === 0 }));
  writeFileSync(join(folder, 'even.jsonl'), `${texts.join('\n')}\n`);
  const declared = { data: 'even.jsonl', loader: { batchSize: 5, shuffle: true } };
  writeFileSync(join(folder, 'millrace.config.json'), JSON.stringify(declared));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Measures for a tenth of a second each. */
const bench = (what: string, options: Partial<BenchPipelineOptions> = {}): Promise<BenchResult> =>
  benchPipeline(what, {
    batchSize: 32,
    seconds: 0.1,
    stepMs: 0,
    workers: [0],
    progress: createProgress({ stream: process.stderr, json: true }),
    ...options,
  });

describe('millrace bench', () => {
  it('finds the slowest stage, and tries every requested number of workers', async () => {
    const { configured, tried, best, limits, advice } = await bench(slow, { workers: [0, 1] });
    const { stageMs } = configured;
    const others = stageMs.storage + stageMs.decode + stageMs.collate + stageMs.handOff;
    expect(stageMs.transform).toBeGreaterThan(others);
    // Eight samples of half a millisecond each.
    expect(stageMs.transform).toBeGreaterThan(3.9);
    expect(configured).toMatchObject({ numWorkers: 0, bytesPerBatch: 8 * 64 * 4 });
    expect(tried.slice(0, 2).map(({ numWorkers }) => numWorkers)).toEqual([0, 1]);
    expect(tried.at(-1)).toMatchObject({ reuseBuffers: true, numWorkers: best.numWorkers });
    expect(tried).toContainEqual(best);
    expect(limits.copy).toBeGreaterThan(configured.bytesPerSecond);
    expect(limits.read).toBeGreaterThan(0);
    expect(advice.map(({ change }) => change).join()).toContain('Most of it is the transform');
  });

  it('states whether a trainer with steps of a given duration would wait', async () => {
    const { configured } = await bench(slow, { seconds: 1, stepMs: 20 });
    expect(configured.consumerMs).toBeGreaterThan(19);
    // Made on the consumer's thread, a batch is waited for from beginning to end.
    expect(configured.waitShare).toBeGreaterThan(0.02);
    expect(configured.batchesPerSecond).toBeLessThan(1_000 / 24);
  });

  it('measures data of any format, even rows that do not collate, prints plain lines, and shows it with --ui', async () => {
    const rows = join(folder, 'rows.jsonl');
    const args = ['bench', rows, '--seconds', '1', '--workers', '0', '--ui', '0'];
    const { status, stdout, stderr } = await runCommand(args);
    expect(status).toBe(0);
    expect(stripVTControlCharacters(stdout)).toBe(stdout);
    for (const title of [
      'Where a batch spends its time',
      'Limits of this machine',
      'Tried',
      'What to change',
    ])
      expect(stdout).toContain(title);
    expect(stdout).toMatch(/samples\/s, [\d.]+K? batches\/s, first batch after [\d.]+ m?s/);
    for (const line of stdout.split('\n')) expect(line).not.toMatch(/\s$/);
    expect(stderr).toMatch(/^Watch this run at http:\/\/127\.0\.0\.1:\d+\/$/m);
  });

  it('measures the loader of a configuration with a relative data path', async () => {
    const { configured } = await bench(join(folder, 'millrace.config.json'));
    expect(configured.samplesPerSecond / configured.batchesPerSecond).toBeCloseTo(5);
  });

  it('prints the result as JSON', async () => {
    const config = join(folder, 'millrace.config.json');
    const result = await runInOneProcess(['bench', config, '--seconds', '1', '--workers', '0', '--json']);
    expect(result.status, result.stderr).toBe(0);
    expect(JSON.parse(result.stdout)).toMatchObject({ what: config, stepMs: 0, best: { numWorkers: 0 } });
  });

  it.each([
    ['nothing.mjs', 2, 'must export a configuration'],
    ['ds.json', 2, 'exports a DeepSpeedDataLoader'],
    ['missing.mjs', 1, 'There is no such file'],
  ])('rejects %s without a stack trace', async (name, status, message) => {
    const result = await runInOneProcess(['bench', join(folder, name)]);
    expect(result).toMatchObject({ status, stdout: '' });
    expect(result.stderr).toContain(message);
    expect(result.stderr).not.toContain('    at ');
  });

  it('rejects an invalid port', async () => {
    const { status, stderr } = await runInOneProcess(['bench', slow, '--workers', '0', '--ui', 'x']);
    expect(status).toBe(2);
    expect(stderr).toContain('MILLRACE_DASHBOARD: port: must be a number');
  });
});
