import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { collectCorpus } from '../../../examples/curriculum-gpt/corpus.js';
import { temporaryFolder } from './temporary-folder.js';

const names = (corpus: { documents: readonly { name: string }[] }) =>
  corpus.documents.map(({ name }) => name);

describe('collectCorpus', () => {
  it('collects only declaration files and documentation of installed packages, sorted by name', async () => {
    const root = temporaryFolder({
      'node_modules/b/README.md': '# b',
      'node_modules/@s/a/index.d.ts': 'export declare const a: 1;',
      'node_modules/@s/a/index.js': 'export const a = 1;',
      'node_modules/b/types.d.mts': 'export type B = 2;',
      'src/own.d.ts': 'not installed',
    });
    const corpus = await collectCorpus({ root: join(root, 'src') });
    expect(names(corpus)).toEqual(['@s/a/index.d.ts', 'b/README.md', 'b/types.d.mts']);
    expect(corpus.documents.map(({ kind }) => kind)).toEqual(['declaration', 'documentation', 'declaration']);
    expect(corpus.source).toBe(join(root, 'node_modules'));
  });

  it('leaves out repeated, binary, minified and very large files, and counts them', async () => {
    const path = temporaryFolder({
      'a.txt': 'the text',
      'b.txt': 'the text',
      'c.bin': Uint8Array.of(1, 0, 2),
      'd.txt': Uint8Array.of(0xff, 0xfe, 0x41),
      'e.js': 'x'.repeat(5_000),
      'f.txt': 'line\n'.repeat(3_000),
      'empty.txt': '',
    });
    const corpus = await collectCorpus({ path, fileByteLimit: 10_000 });
    expect(names(corpus)).toEqual(['a.txt']);
    expect(corpus.skipped).toEqual({ duplicate: 1, binary: 3, minified: 1, tooLarge: 1 });
  });

  it('shares the limit between kinds, and takes files from each package in turn', async () => {
    const files: Record<string, string> = {};
    for (let i = 0; i < 10; i++) {
      files[`node_modules/large/${i}.d.ts`] = `large ${i}`.padEnd(100, '.');
      files[`node_modules/large/${i}.md`] = `text ${i}`.padEnd(100, '.');
    }
    files['node_modules/small/0.d.ts'] = 'small'.padEnd(100, '.');
    const corpus = await collectCorpus({ root: temporaryFolder(files), byteLimit: 400 });
    expect(names(corpus)).toEqual(['large/0.d.ts', 'large/0.md', 'large/1.md', 'small/0.d.ts']);
    expect(corpus.byteLength).toBe(400);
  });

  it('fills the limit with one kind if the other has too little', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 10 }, (_, i) => [`node_modules/a/${i}.md`, `${i}`.padEnd(100)]),
    );
    const corpus = await collectCorpus({
      root: temporaryFolder({ ...files, 'node_modules/a/a.d.ts': 'x'.padEnd(100) }),
      byteLimit: 800,
    });
    expect(corpus.byteLength).toBe(800);
    expect(corpus.documents.filter(({ kind }) => kind === 'declaration')).toHaveLength(1);
  });

  it('reads one file, or a folder without hidden files and node_modules', async () => {
    const folder = temporaryFolder({
      'a/one.txt': '1',
      'a/.git/two': '2',
      'a/node_modules/three.md': '3',
      'four.md': '4',
    });
    expect(names(await collectCorpus({ path: join(folder, 'a', 'one.txt') }))).toEqual(['one.txt']);
    expect(names(await collectCorpus({ path: folder }))).toEqual(['a/one.txt', 'four.md']);
  });

  it('reports the bytes collected after each file', async () => {
    const seen: [string, number][] = [];
    const path = temporaryFolder({ 'a.txt': '12345', 'b.txt': '678' });
    await collectCorpus({ path, onFile: (name, byteLength) => seen.push([name, byteLength]) });
    expect(seen).toEqual([
      ['a.txt', 5],
      ['b.txt', 8],
    ]);
  });

  it('names a missing path and the remedy', async () => {
    await expect(collectCorpus({ path: '/no/such/folder' })).rejects.toThrow(
      /\/no\/such\/folder cannot be read\. Pass a text file/,
    );
  });

  it.each([
    [{}, /has no text to train on: it has no files\. Pass a text file/],
    [{ 'a.bin': Uint8Array.of(0), 'b.bin': Uint8Array.of(0, 1) }, /none of its 2 files is text \(2 binary\)/],
  ])('refuses a folder without text, with the reason', async (files, message) => {
    await expect(collectCorpus({ path: temporaryFolder(files) })).rejects.toThrow(message);
  });
});
