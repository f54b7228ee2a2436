// Secrets of URLs, headers and the environment are in nothing that people or other programs get to see.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DataLoader, MillraceError, workerDataset } from 'millrace';
import { analyzeOnCluster } from 'millrace/analysis';
import * as formats from 'millrace/formats';
import { listFiles, openObjectStore, openSource } from 'millrace/storage';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { toErrorRecord } from '../../dist/core/error-record.js';
import { runInOneProcess } from '../cli/in-one-process.js';
import { ObjectServer } from './object-server.js';

const { openDataset, ImageFolder, IndexedDataset, JsonlDataset, RemoteIndexedDataset } = formats;
const secrets = /SECRET(?!_ACCESS_KEY)/;
const user = 'SECRETUSER:SECRETPASS@';
const query = 'sig=SECRETSIG&SECRETBARE';
const headers = { authorization: 'Bearer SECRETTOKEN', 'x-api-key': 'SECRETKEY' };
const rows = Buffer.from('{"text":"hello","id":1}\n'.repeat(40));
const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/formats/${name}`, import.meta.url));

const server = new ObjectServer();
let folder = '';
let host = '';
let warnings: string[] = [];
const listen = (warning: Error) => warnings.push(String(warning));
beforeAll(async () => {
  await server.start();
  host = server.origin.slice('http://'.length);
});
afterAll(() => server.stop());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-secrets-'));
  server.put('/rows.jsonl', rows);
  server.onRequest = undefined;
  warnings = [];
  process.on('warning', listen);
});
afterEach(() => {
  process.off('warning', listen);
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

const urlOf = (path: string) => `http://${user}${host}/${path}?${query}#SECRETMARK`;

/** Everything that is shown of an error, its causes and what workers send of them. */
function textOf(error: unknown): string {
  const parts: string[] = [JSON.stringify(toErrorRecord(error))];
  for (let each = error; each instanceof Error; each = each.cause)
    parts.push(String(each), each.stack ?? '', JSON.stringify(each));
  return parts.join('\n');
}

async function failure(work: () => unknown): Promise<Error> {
  try {
    await work();
  } catch (error) {
    return error as Error;
  }
  throw new Error('it did not fail');
}

describe('no secret is in the error', () => {
  const opened: [string, () => unknown][] = [
    ...['x', 'x.jsonl', 'x.jsonl.gz', 'x.csv', 'x.txt', 'x.parquet', 'x.arrow', 'x.tar', 'x.bin'],
    ...['x.npy', 'x.npz', 'x.safetensors', 'x/index.json', 'x.jpg'],
  ].map((name) => [`of openDataset(${name})`, () => openDataset(urlOf(name), { retries: 0, headers })]);
  it.each([
    ...opened,
    ['of a URL that is none', () => openSource(`http://${user}ho st/x?${query}`)],
    ['of a scheme that is not known', () => openSource(`ftp://${user}host/x?${query}`)],
    [
      'of a server that is not there',
      () => openSource(`http://${user}127.0.0.1:1/x?${query}`, { retries: 0 }),
    ],
    ['of credentials in an s3: URL', () => openSource('s3://AKIA:SECRET/KEY@bucket/key')],
    ['of a list of them', () => listFiles('s3://AKIA:SECRETKEY@bucket/*.jsonl')],
    ['of a store', () => openObjectStore(`ftp://${user}host/x`)],
    ['of an IndexedDataset', () => IndexedDataset.open(urlOf('tokens'))],
    ['of a RemoteIndexedDataset', () => RemoteIndexedDataset.open(urlOf('tokens'), { retries: 0, headers })],
    ['of an ImageFolder', () => ImageFolder.open(urlOf('images'), { retries: 0, headers })],
    [
      'of a header with a line break',
      () => openSource(urlOf('rows.jsonl'), { headers: { a: 'SECRET\nKEY' } }),
    ],
    ['of a header that is no text', () => openSource(urlOf('x'), { headers: { a: ['SECRET'] } as never })],
    [
      'of the options of a module for a cluster',
      () =>
        analyzeOnCluster(
          workerDataset(new URL('file:///data.js'), { options: { from: urlOf('rows.jsonl') } }),
          {
            outputDir: folder,
            redis: 'redis://127.0.0.1:1',
            metrics: ['seqlen'],
          },
        ),
    ],
    [
      'of a cluster, which would keep it in the shared store',
      () =>
        analyzeOnCluster(
          { files: urlOf('rows.jsonl') },
          { outputDir: folder, redis: 'redis://:SECRET@127.0.0.1:1', metrics: ['seqlen'] },
        ),
    ],
  ])('%s', async (_, work) => {
    const error = await failure(work);
    expect(error).toBeInstanceOf(MillraceError);
    expect(textOf(error)).not.toMatch(secrets);
  });

  it('of a server that repeats what it was asked', async () => {
    server.onRequest = (request, response) => {
      const [, encoded = ''] = request.headers.authorization?.split(' ') ?? [];
      const said = `Cannot GET ${request.url} as ${request.headers.authorization} ${atob(encoded)} ${request.headers['x-api-key']}`;
      response.writeHead(Number(request.url!.slice(1, 4)), said.replaceAll('\n', ' ')).end(said);
      return true;
    };
    for (const status of [400, 401, 404, 503]) {
      const only = { 'x-api-key': 'SECRETKEY' };
      const error = await failure(() => openSource(urlOf(`${status}`), { retries: 0, headers: only }));
      expect(error.message).toContain(`${status}`);
      expect(error.message).toContain('Cannot GET');
      expect(textOf(error)).not.toMatch(secrets);
    }
  });

  it('of an endpoint and of tokens in the environment', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'SECRETID');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'SECRETKEY');
    for (const endpoint of [`http://${user}ho st`, `http://${user}${host}`, server.origin]) {
      vi.stubEnv('AWS_ENDPOINT_URL', endpoint);
      vi.stubEnv('AWS_SESSION_TOKEN', 'SECRET\nTOKEN');
      vi.stubEnv('HF_ENDPOINT', endpoint);
      vi.stubEnv('HF_TOKEN', 'SECRET\nTOKEN');
      for (const url of ['s3://bucket/key', 'hf://datasets/user/name/x.jsonl']) {
        for (const work of [
          () => openSource(url, { retries: 0 }),
          () => listFiles(`${url}/*`, { retries: 0 }),
        ]) {
          const error = await failure(work);
          expect(error).toBeInstanceOf(MillraceError);
          expect(textOf(error)).not.toMatch(secrets);
        }
      }
    }
  });

  it('of a sample, with and without workers, nor in what a loader says of itself', async () => {
    for (const numWorkers of [0, 1]) {
      server.put('/rows.jsonl', rows);
      const dataset = await JsonlDataset.open<{ text: string; id: number }>(urlOf('rows.jsonl'), {
        retries: 0,
        headers,
      });
      const options = {
        batchSize: 4,
        numWorkers,
        dashboard: { port: 0, onOpen: (url: string) => open(url) },
      };
      let page = '';
      const open = (url: string) => {
        page = url;
      };
      await using loader = new DataLoader(dataset, options);
      await loader.ready();
      server.put('/rows.jsonl', Buffer.from(rows).reverse());
      const error = await failure(async () => {
        for await (const _ of loader);
      });
      expect(error.message).toMatch(/rows\.jsonl/);
      const shown = await fetch(page).then((response) => response.text());
      const events = (await fetch(new URL('events', page))).body!.getReader();
      const first = Buffer.from((await events.read()).value!).toString();
      await events.cancel();
      expect(first).toContain('data:');
      const said = [
        loader.stats(),
        loader.stateDict(),
        loader.receipt(),
        dataset.fingerprint(),
        shown,
        first,
      ];
      expect(textOf(error) + JSON.stringify(said)).not.toMatch(secrets);
    }
  });
});

describe('no secret is in what the command prints and writes', () => {
  it.each([
    ['inspect', '--html', 'page.html'],
    ['inspect', '--json'],
    ['verify'],
    ['verify', '--json'],
    ['doctor'],
    ['doctor', '--json'],
    ['bench', '--seconds', '0.1', '--json'],
    ['analyze', '--output', 'difficulty', '--metrics', 'seqlen', '--html', 'page.html'],
    ['convert', '--output', 'tokens', '--columns', 'text', '--tokenizer', 'bytes'],
    ['convert', '--output', 'table', '--to', 'parquet', '--json'],
  ])('%s %s', async (command, ...flags) => {
    for (const path of ['rows.jsonl', 'absent.jsonl']) {
      const { stdout, stderr } = await runInOneProcess([command!, urlOf(path), ...flags], { cwd: folder });
      expect(stdout + stderr).not.toMatch(secrets);
      expect(stdout + stderr).not.toBe('');
    }
    for (const file of filesIn(folder)) expect(readFileSync(file, 'latin1'), file).not.toMatch(secrets);
  });

  it('plan and doctor of a configuration', async () => {
    const data = { files: urlOf('rows.jsonl'), headers, retries: 0 };
    const config = { data, loader: { batchSize: 4, dashboard: { token: 'SECRETBOARD' } } };
    writeFileSync(join(folder, 'millrace.config.mjs'), `export default ${JSON.stringify(config)};`);
    for (const args of [['plan'], ['plan', '--json'], ['plan', '--html', 'page.html'], ['doctor']]) {
      const { stdout, stderr } = await runInOneProcess(args, { cwd: folder });
      expect(stdout + stderr).not.toMatch(secrets);
    }
    rmSync(join(folder, 'millrace.config.mjs'));
    for (const file of filesIn(folder)) expect(readFileSync(file, 'latin1'), file).not.toMatch(secrets);
  });
});

it('no secret is in the cache, its names, or a warning', async () => {
  const large = Buffer.concat(Array.from({ length: 3 }, () => Buffer.alloc(2 ** 21, rows)));
  server.put('/bare.jsonl', rows, {});
  server.put('/large.jsonl', large);
  server.put('/rows.jsonl.gz', readFileSync(fixture('rows.jsonl.gz')));
  mkdirSync(join(folder, 'cache'));
  for (const name of ['large.jsonl', 'rows.jsonl.gz', 'bare.jsonl']) {
    const dataset = await JsonlDataset.open(urlOf(name), {
      headers,
      cache: { folder: join(folder, 'cache') },
    });
    await dataset.get(0);
    await dataset.close();
  }
  await new Promise((resolve) => setImmediate(resolve));
  expect(warnings.join()).toMatch(/bare\.jsonl/);
  expect(warnings.join()).not.toMatch(secrets);
  const files = filesIn(join(folder, 'cache'));
  expect(files.length).toBeGreaterThan(2);
  for (const file of files) expect(file + readFileSync(file, 'latin1')).not.toMatch(secrets);
});

function filesIn(path: string): string[] {
  return readdirSync(path, { recursive: true })
    .map((name) => join(path, String(name)))
    .filter((name) => statSync(name).isFile());
}
