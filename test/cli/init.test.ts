// What is written from the data in a folder opens, and gives a batch.
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { IndexedDatasetBuilder } from 'millrace/formats';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runInOneProcess } from './in-one-process.js';

const repository = fileURLToPath(new URL('../../', import.meta.url));
const image = fileURLToPath(new URL('../fixtures/images/color.jpg', import.meta.url));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-init-'));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(repository, join(folder, 'node_modules', 'millrace'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const millrace = (...args: string[]) => runInOneProcess(args, { cwd: folder });

function writeTokens(): void {
  mkdirSync(join(folder, 'data'));
  const builder = new IndexedDatasetBuilder(join(folder, 'data', 'train'), { dtype: 'int32' });
  for (let i = 0; i < 100; i++) builder.addItem(Array.from({ length: 50 }, (_, token) => token));
  builder.endDocument();
  builder.finalize();
}

const rows = Array.from({ length: 40 }, (_, i) => ({ id: i, name: `row ${i}` }));
const writers: Readonly<Record<string, () => void>> = {
  tokens: writeTokens,
  'JSON Lines in several files': () => {
    for (const part of [0, 1])
      writeFileSync(
        join(folder, `part-${part}.jsonl`),
        rows.map((row) => `${JSON.stringify(row)}\n`).join(''),
      );
  },
  CSV: () =>
    writeFileSync(
      join(folder, "it's.csv"),
      `id,name\n${rows.map(({ id, name }) => `${id},${name}`).join('\n')}\n`,
    ),
  images: () => {
    for (const name of ['cat', 'dog']) {
      mkdirSync(join(folder, 'photos', name), { recursive: true });
      for (let i = 0; i < 20; i++) copyFileSync(image, join(folder, 'photos', name, `${i}.jpg`));
    }
  },
};

describe('millrace init', () => {
  it.each(Object.keys(writers))(
    'writes a commented configuration for %s that opens and gives a batch',
    async (kind) => {
      writers[kind]!();
      writeFileSync(join(folder, 'README.md'), 'Not data.\n');
      const { status, stdout, stderr } = await millrace('init');
      expect([status, stderr]).toEqual([0, '']);
      expect(stdout).toMatch(/^Found .*\n[\s\S]*Wrote millrace\.config\.ts\. Next:\n/);
      expect(
        readFileSync(join(folder, 'millrace.config.ts'), 'utf8').match(/^ *\/\/ /gm)!.length,
      ).toBeGreaterThan(4);
      const planned = await millrace('plan', '--probe', '--json');
      expect(planned.stderr).toBe('');
      expect(JSON.parse(planned.stdout)).toMatchObject({
        split: { globalBatch: 32 },
        memory: { source: 'an actual batch' },
      });
    },
  );

  it('chooses the largest data set, and lists the others and the DeepSpeed configurations', async () => {
    writeTokens();
    writeFileSync(join(folder, 'small.jsonl'), '{"a":1}\n');
    writeFileSync(join(folder, 'ds.json'), '{"train_batch_size": 8}');
    writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
    const { stdout } = await millrace('init');
    expect(stdout).toMatch(
      /^Found data\/train \(indexed, .*\nAlso {2}small\.jsonl .*\nAlso {2}ds\.json, a DeepSpeed configuration: millrace plan ds\.json --data data\/train\n/,
    );
    expect(readFileSync(join(folder, 'millrace.config.ts'), 'utf8')).toContain('// Also found: small.jsonl.');
  });

  it.each(['millrace.config.ts', 'millrace.config.json'])('never overwrites %s', async (name) => {
    writeTokens();
    writeFileSync(join(folder, name), 'mine');
    const { status, stderr } = await millrace('init');
    expect(status).toBe(2);
    expect(stderr).toMatch(/already exists\. Nothing was written/);
    expect(readFileSync(join(folder, name), 'utf8')).toBe('mine');
  });

  it('names the remedy if there is no data, or only text', async () => {
    expect((await millrace('init')).stderr).toMatch(/contains no data\. Pass the folder of the data/);
    writeFileSync(join(folder, 'book.txt'), 'Once upon a time.\n');
    expect((await millrace('init')).stderr).toMatch(
      /contains only plain text \(book\.txt\).*millrace convert book\.txt --output tokens/,
    );
  });
});
