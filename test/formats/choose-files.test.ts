import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ConfigError, FormatError } from 'millrace/errors';
import { JsonlDataset, openDataset, TextDataset } from 'millrace/formats';
import { listFiles } from 'millrace/storage';
import { afterEach, describe, expect, it } from 'vitest';
import { chooseFiles } from '../../dist/formats/find/choose-files.js';
import { splitOf } from '../../dist/formats/find/split-of.js';

/** By the naming rules that Hugging Face `datasets` documents: a keyword between separators, in a folder or file name. */
const splits: readonly (readonly [name: string, split: string | undefined])[] = [
  ['train.jsonl', 'train'],
  ['my-train-data.csv', 'train'],
  ['training_01.csv', 'train'],
  ['train1.csv', 'train'],
  ['trainer.csv', undefined],
  ['data/train-00000-of-00001.parquet', 'train'],
  ['data/train_sft-00000-of-00001.parquet', 'train'],
  ['data/en-00000-of-00001.parquet', 'en'],
  ['test/part.parquet', 'test'],
  ['test/train.parquet', 'test'],
  ['my-test-set/a.csv', 'test'],
  ['dev.tsv', 'validation'],
  ['VAL.tsv', 'validation'],
  ['valid/x.txt', 'validation'],
  ['evaluation.csv', 'test'],
  ['latest.csv', undefined],
  ['retrieval.csv', undefined],
  ['a/b/c.csv', undefined],
];

/** What the rule reads of a folder. */
const folders: readonly {
  readonly holds: string;
  readonly files: readonly string[];
  readonly asked?: 'jsonl' | 'text' | 'csv';
  readonly given?: string;
  readonly format?: string;
  readonly read?: readonly string[];
  readonly error?: RegExp;
  /** Whether the files are those of `train` among several splits, which a repository of the Hub does not read as one. */
  readonly isTrainOfSeveral?: true;
}[] = [
  { holds: 'data and a note', files: ['README.md', 'train.jsonl'], format: 'jsonl', read: ['train.jsonl'] },
  {
    holds: 'one data file among many notes',
    // cspell:disable-next-line
    files: ['LICENSE', 'LICENCE.txt', 'NOTICE.txt', 'README.md', 'card.md', 'x.csv'],
    format: 'csv',
    read: ['x.csv'],
  },
  {
    holds: 'texts and a note',
    files: ['README.md', 'a.txt', 'b.md'],
    format: 'text',
    read: ['a.txt', 'b.md'],
  },
  {
    holds: 'only notes',
    files: ['LICENSE.txt', 'README.md'],
    error: /holds no data in a known format, only LICENSE/,
  },
  {
    holds: 'only notes, which are requested',
    files: ['README.md'],
    asked: 'text',
    format: 'text',
    read: ['README.md'],
  },
  {
    holds: 'nothing known',
    files: ['a.xlsx', 'b.py'],
    error: /no data in a known format, only a\.xlsx b\.py/,
  },
  {
    holds: 'data and files of unknown format',
    files: ['a.py', 'x.jsonl'],
    format: 'jsonl',
    read: ['x.jsonl'],
  },
  {
    holds: 'two formats',
    files: ['a.jsonl', 'b.jsonl', 'notes.txt'],
    error: /several formats: jsonl \(a\.jsonl b\.jsonl\), text \(notes\.txt\)/,
  },
  {
    holds: 'two formats, one asked for',
    files: ['a.csv', 'a.jsonl'],
    asked: 'csv',
    format: 'csv',
    read: ['a.csv'],
  },
  {
    holds: 'several splits',
    isTrainOfSeveral: true,
    files: ['data/test-00000-of-00001.parquet', 'data/train-00000-of-00001.parquet', 'validation/a.parquet'],
    format: 'parquet',
    read: ['data/train-00000-of-00001.parquet'],
  },
  {
    holds: 'several splits, a format asked for',
    isTrainOfSeveral: true,
    files: ['test.jsonl', 'train.jsonl'],
    asked: 'jsonl',
    format: 'jsonl',
    read: ['train.jsonl'],
  },
  {
    holds: 'splits without train',
    files: ['dev.csv', 'test.csv'],
    error: /several splits: validation \(dev\.csv\), test \(test\.csv\)/,
  },
  {
    holds: 'a test split beside data',
    files: ['data.csv', 'test.csv'],
    error: /several splits: no split \(data\.csv\), test/,
  },
  {
    holds: 'one split alone',
    files: ['test/1.csv', 'test/2.csv'],
    format: 'csv',
    read: ['test/1.csv', 'test/2.csv'],
  },
  {
    holds: 'splits by a pattern',
    given: 'data/*.csv',
    files: ['test.csv', 'train.csv'],
    error: /data\/\*\.csv holds several splits/,
  },
  {
    holds: 'splits by a pattern that names them',
    given: 'data/{train,test}*.csv',
    files: ['train.csv', 'test.csv'],
    format: 'csv',
    read: ['train.csv', 'test.csv'],
  },
  {
    holds: 'what Spark leaves',
    files: ['_metadata', '_temporary/0/part-0.parquet', 'part-0.parquet'],
    format: 'parquet',
    read: ['part-0.parquet'],
  },
  {
    holds: 'what map of datasets leaves',
    files: ['cache-12ab.arrow', 'data-00000-of-00001.arrow', 'state.json'],
    format: 'arrow',
    read: ['data-00000-of-00001.arrow'],
  },
  { holds: 'a cache that is no cache', files: ['cache-1.arrow'], format: 'arrow', read: ['cache-1.arrow'] },
  { holds: 'data and a picture', files: ['plot.png', 'x.jsonl'], format: 'jsonl', read: ['x.jsonl'] },
  {
    holds: 'data and folders of pictures',
    files: ['assets/plot.png', 'x.jsonl'],
    error: /several formats: images \(assets\/plot\.png\), jsonl/,
  },
  {
    holds: 'classes of pictures',
    files: ['README.md', 'a/1.png', 'b/2.JPG', 'top.png'],
    format: 'images',
    read: ['a/1.png', 'b/2.JPG'],
  },
  { holds: 'MDS', files: ['index.json', 'shard.00000.mds', 'shard.00001.mds.zstd'], format: 'mds' },
  {
    holds: 'two of MDS',
    files: ['a/index.json', 'a/shard.00000.mds', 'b/index.json', 'b/shard.00000.mds'],
    error: /2 data sets of the format mds: \/d\/a \/d\/b/,
  },
  {
    holds: 'an index.json that is none',
    files: ['index.json', 'x.jsonl'],
    format: 'jsonl',
    read: ['x.jsonl'],
  },
  { holds: 'tokens', files: ['x.bin', 'x.idx'], format: 'indexed', read: ['x'] },
  {
    holds: 'tokens and weights',
    files: ['pytorch_model.bin', 'x.bin', 'x.idx'],
    format: 'indexed',
    read: ['x'],
  },
  {
    holds: 'two of tokens',
    files: ['x.bin', 'x.idx', 'y.bin', 'y.idx'],
    error: /2 data sets of the format indexed/,
  },
  { holds: 'two arrays', files: ['x.npy', 'y.npy'], error: /2 data sets of the format npy/ },
  {
    holds: 'compressed data',
    files: ['README.md.gz', 'a.jsonl.gz', 'b.jsonl.zst'],
    format: 'jsonl',
    read: ['a.jsonl.gz', 'b.jsonl.zst'],
  },
];

const made: string[] = [];
function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-choose-'));
  made.push(folder);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}
afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true });
});

describe('the split of a file', () => {
  it.each(splits)('%s: %s', (name, split) => {
    expect(splitOf(name)).toBe(split);
  });
});

describe('of a folder', () => {
  it.each(['/d', '/d/', 's3://bucket/d/', 'hf://datasets/u/n'])('%s the same files are read', (root) => {
    for (const { holds, files, asked, given, format, read, error, isTrainOfSeveral } of folders) {
      const prefix = root.replace(/\/?$/, '/');
      const name = given ? given.replace('data/', prefix) : root;
      const choose = () =>
        chooseFiles(
          name,
          files.map((file) => prefix + file),
          asked,
        );
      if (error) {
        if (root === '/d') expect(choose, holds).toThrow(given ? /several splits/ : error);
        else expect(choose, holds).toThrow(/Data files|holds no/);
        continue;
      }
      if (root.startsWith('hf:') && isTrainOfSeveral) {
        expect(choose, holds).toThrow(/several splits.*loadDataset/s);
        continue;
      }
      const chosen = choose();
      expect(chosen.format, holds).toBe(format);
      if (read) {
        expect(
          chosen.files.map((file) => file.slice(prefix.length)),
          holds,
        ).toEqual(read);
        // Nothing is dropped without a word.
        if (format !== 'indexed')
          expect([...chosen.leftOut.map(({ file }) => file), ...read].sort(), holds).toEqual(
            files.filter((name) => !name.startsWith('_')).sort(),
          );
      }
    }
  });

  it('openDataset and the datasets read the same, say what they leave out once, and no more', async () => {
    const folder = folderOf({
      'README.md': '# Card\n',
      'train.jsonl': '{"a":1}\n',
      'test.jsonl': '{"a":2}\n',
      '.hidden.jsonl': '{"a":3}\n',
    });
    const warnings: string[] = [];
    const listen = (warning: Error & { code?: string }) =>
      warning.code === 'MILLRACE_FILES_LEFT_OUT' && warnings.push(warning.message);
    process.on('warning', listen);
    const { dataset, leftOut } = await openDataset(folder);
    const same = await JsonlDataset.open(folder);
    await openDataset(folder);
    await new Promise(setImmediate);
    process.off('warning', listen);
    expect([dataset.length, same.length]).toEqual([1, 1]);
    expect(await same.get(0)).toEqual({ a: 1 });
    expect(leftOut).toEqual([
      { file: 'README.md', why: 'a note' },
      { file: 'test.jsonl', why: 'the split test' },
    ]);
    expect(warnings).toEqual([
      `Of ${folder} the jsonl files are read. Left out: README.md (a note), test.jsonl (the split test).`,
    ]);
  });

  it('follows links to files and folders, but not those that have no end', async () => {
    const data = folderOf({ 'x.jsonl': '1\n' });
    const folder = folderOf({ 'a/y.jsonl': '2\n' });
    symlinkSync(data, join(folder, 'linked'));
    symlinkSync(join(data, 'x.jsonl'), join(folder, 'z.jsonl'));
    symlinkSync(folder, join(folder, 'a/round'));
    expect((await listFiles(folder)).map((name) => name.slice(folder.length + 1))).toEqual([
      'a/y.jsonl',
      'linked/x.jsonl',
      'z.jsonl',
    ]);
  });

  it('refuses a data set whose card lists several configurations', async () => {
    const card = (configs: string) =>
      `---\nlicense: mit\nconfigs:\n${configs}---\n# Card\n- config_name: text\n`;
    const folder = folderOf({
      'README.md': card('- config_name: en\n  data_files: en/*\n- config_name: "de"\n  default: true\n'),
      'en/train.jsonl': '1\n',
      'de/train.jsonl': '2\n',
    });
    for (const open of [openDataset, JsonlDataset.open])
      await expect(open(folder)).rejects.toThrow(/several configurations, as README\.md says: en de/);
    expect((await openDataset(join(folder, 'en'))).dataset.length).toBe(1);
    writeFileSync(join(folder, 'README.md'), card('- config_name: default\n  data_files: "*/train*"\n'));
    expect((await openDataset(folder)).dataset.length).toBe(2);
  });

  it('refuses an option that has no effect', async () => {
    const folder = folderOf({ 'x.jsonl': '{"a":1}\n', 'y.txt': 'y', 'x.csv': 'a,b\n1,2\n' });
    const opening = openDataset(join(folder, 'y.txt'), { columns: ['a'] });
    await expect(opening).rejects.toThrow(ConfigError);
    await expect(opening).rejects.toThrow(/columns: has no effect on/);
    const { dataset } = await openDataset(join(folder, 'x.csv'), { columns: ['b'] });
    expect(await dataset.get(0, {} as never)).toEqual({ b: 2 });
  });

  it('says what a folder without data holds', async () => {
    const folder = folderOf({ 'README.md': 'x', 'data.xlsx': 'y' });
    await expect(openDataset(folder)).rejects.toThrow(FormatError);
    await expect(openDataset(folder)).rejects.toThrow(/only README\.md data\.xlsx/);
    expect((await TextDataset.open(folder)).length).toBe(1);
  });
});
