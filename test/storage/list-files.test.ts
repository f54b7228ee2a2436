import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { listFiles } from 'millrace/storage';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ObjectServer } from './object-server.js';

const folder = mkdtempSync(join(tmpdir(), 'millrace-list-'));
const files = [
  'a.jsonl',
  'b.jsonl',
  'B.jsonl',
  'deep/er/c.jsonl',
  'odd[1]{2,3}.jsonl',
  'z.txt',
  '.hidden',
  '.git/config',
];
beforeAll(() => {
  for (const name of files) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), name);
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

const within = async (pattern: string) =>
  (await listFiles(join(folder, pattern))).map((path) => path.slice(folder.length + 1));

describe('listFiles', () => {
  it('lists a folder at any depth, by code point, without hidden files', async () => {
    expect(await within('')).toEqual([
      'B.jsonl',
      'a.jsonl',
      'b.jsonl',
      'deep/er/c.jsonl',
      'odd[1]{2,3}.jsonl',
      'z.txt',
    ]);
    expect(await listFiles(pathToFileURL(join(folder, 'deep')))).toEqual([join(folder, 'deep/er/c.jsonl')]);
  });

  it('matches patterns and writes braces out', async () => {
    expect(await within('?.jsonl')).toEqual(['B.jsonl', 'a.jsonl', 'b.jsonl']);
    expect(await within('**/*.jsonl')).toHaveLength(5);
    expect(await within('{b,a}.jsonl')).toEqual(['b.jsonl', 'a.jsonl']);
    expect(await listFiles('http://host/s-{008..010}.tar')).toEqual(
      [8, 9, 10].map((k) => `http://host/s-${`${k}`.padStart(3, '0')}.tar`),
    );
  });

  it('takes a name as the file of that name, however odd, and leaves missing ones to be opened', async () => {
    expect(await within('odd[1]{2,3}.jsonl')).toEqual(['odd[1]{2,3}.jsonl']);
    expect(await within('absent.jsonl')).toEqual(['absent.jsonl']);
    await expect(within('*.csv')).rejects.toThrow(/Nothing matches this pattern.*\*\.csv/);
    await expect(within('absent/*.csv')).rejects.toThrow(/no such file or folder.*absent/);
  });

  it('lists a repository of the Hugging Face Hub over its pages, with the token', async () => {
    const hub = await new ObjectServer().start();
    vi.stubEnv('HF_ENDPOINT', hub.origin);
    vi.stubEnv('HF_TOKEN', 'hf_secret');
    hub.onRequest = (request, response) => {
      if (!request.url!.startsWith('/api/datasets/me/set/tree/v1/data?recursive=true')) return false;
      const isSecond = request.url!.includes('cursor');
      const next = `<${hub.origin}${request.url}&cursor=2>; rel="next"`;
      response.writeHead(200, isSecond ? {} : { link: next });
      const entries = isSecond
        ? [{ type: 'file', path: 'data/1.parquet' }]
        : [
            { type: 'directory', path: 'data/x' },
            { type: 'file', path: 'data/0.parquet' },
          ];
      response.end(JSON.stringify(entries));
      return true;
    };
    expect(await listFiles('hf://datasets/me/set@v1/data/*.parquet')).toEqual([
      'hf://datasets/me/set@v1/data/0.parquet',
      'hf://datasets/me/set@v1/data/1.parquet',
    ]);
    expect(hub.requests.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer hf_secret',
      'Bearer hf_secret',
    ]);
    await hub.stop();
    vi.unstubAllEnvs();
  });
});
