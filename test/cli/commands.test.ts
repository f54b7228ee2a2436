// convert, analyze and bench, one after the other on the same text.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { IndexedDataset } from 'millrace/formats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runInOneProcess } from './in-one-process.js';
import { runCommand } from './run-command.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-commands-'));
  const lines = Array.from({ length: 60 }, (_, i) =>
    JSON.stringify({ text: `line ${i} ${'word '.repeat(i)}`, id: i }),
  );
  writeFileSync(join(folder, 'lines.jsonl'), `${lines.join('\n')}\n`);
  writeFileSync(join(folder, 'text.txt'), 'One whole document.');
  writeFileSync(join(folder, 'broken.jsonl'), '{"text": "fine"}\n{"text": \n');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('millrace', () => {
  it('converts text, analyzes it and measures how fast it loads', async () => {
    const prefix = join(folder, 'tokens');
    const converted = await runInOneProcess([
      'convert',
      join(folder, 'lines.jsonl'),
      join(folder, 'text.txt'),
      '--output',
      prefix,
      '--json',
    ]);
    expect(converted).toMatchObject({ status: 0, stderr: '' });
    expect(JSON.parse(converted.stdout)).toMatchObject({ documents: 61, files: 2, dtype: 'int32' });
    const dataset = await IndexedDataset.open(prefix);
    expect(dataset.length).toBe(61);
    dataset.close();

    const difficulty = join(folder, 'difficulty');
    const analyzed = await runInOneProcess(['analyze', prefix, '--output', difficulty]);
    expect(analyzed.status).toBe(0);
    expect(analyzed.stdout).toMatch(/seqlen: number of tokens\n/);
    expect(analyzed.stdout).toMatch(/vocabularyrarity: rarity of the tokens together \(nats\)/);
    const index = await IndexedDataset.open(join(difficulty, 'seqlen', 'seqlen_sample_to_metric'));
    expect(index.length).toBe(61);
    index.close();

    const measured = await runCommand([
      'bench',
      prefix,
      '--length',
      '16',
      '--batch-size',
      '4',
      '--batches',
      '20',
      '--workers',
      '0',
      '1',
      '--json',
    ]);
    expect(measured.status).toBe(0);
    const { speeds } = JSON.parse(measured.stdout);
    expect(
      speeds.map(({ numWorkers, batches }: { numWorkers: number; batches: number }) => [numWorkers, batches]),
    ).toEqual([
      [0, 20],
      [1, 20],
    ]);
  });

  it('converts to bytes', async () => {
    const prefix = join(folder, 'bytes');
    expect(
      (
        await runInOneProcess([
          'convert',
          join(folder, 'text.txt'),
          '--output',
          prefix,
          '--tokenizer',
          'bytes',
        ])
      ).status,
    ).toBe(0);
    expect(readFileSync(`${prefix}.bin`, 'utf8')).toBe('One whole document.');
  });

  it.each([
    [['convert', '--output', 'y'], 2, 'missing required argument'],
    [['convert', 'x'], 2, '--output'],
    [['convert', 'x', '--output', 'y', '--tokenizer', 'nope'], 2, 'Allowed choices are'],
    [['nonsense'], 2, 'unknown command'],
    [['analyze', 'no-such-dataset', '--output', 'y'], 1, 'no-such-dataset'],
    [['bench', 'no-such-dataset'], 1, 'no-such-dataset'],
  ])('%j ends with status %d and a message without a stack', async (args, status, message) => {
    const result = await runInOneProcess(args, { cwd: folder });
    expect(result.status).toBe(status);
    expect(result.stderr).toContain(message);
    expect(result.stderr).not.toContain('    at ');
  });

  it('names the file and row of damaged input, and leaves no partial output', async () => {
    const result = await runInOneProcess([
      'convert',
      join(folder, 'broken.jsonl'),
      '--output',
      join(folder, 'broken'),
      '--json',
    ]);
    expect(result.status).toBe(1);
    expect(JSON.parse(result.stderr).error).toMatchObject({
      code: 'ERR_MILLRACE_FORMAT',
      where: { row: 1, byteOffset: 17 },
    });
    await expect(IndexedDataset.open(join(folder, 'broken'))).rejects.toThrow();
  });

  it.each([[[]], [['convert']], [['analyze']], [['worker']], [['bench']]])('%j has help', async (command) => {
    const { status, stdout } = await runInOneProcess([...command, '--help']);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^Usage: millrace/);
  });
});
