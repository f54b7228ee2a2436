// Servers that are not as servers should be: each answer is used as it is meant, or is an error of ours that says what is wrong.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { StorageError } from 'millrace/errors';
import { JsonlDataset, openDataset } from 'millrace/formats';
import { listFiles, openSource } from 'millrace/storage';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { replaceSleep } from '../setup/replace-sleep.js';
import { ObjectServer } from './object-server.js';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const server = new ObjectServer();
const other = new ObjectServer();
const content = Uint8Array.from({ length: 100_000 }, (_, i) => (i * 7 + (i >> 8)) % 256);
let url = '';
let restoreSleep: () => void;
beforeAll(() => {
  restoreSleep = replaceSleep(async () => {});
});
afterAll(() => restoreSleep());
beforeEach(async () => {
  await Promise.all([server.start(), other.start()]);
  url = server.put('/data/content', content);
  vi.stubEnv('AWS_ENDPOINT_URL', server.origin);
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'id');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'key');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const each of [server, other]) {
    each.onRequest = undefined;
    each.requests.length = 0;
    each.faults.length = 0;
    each.servesRanges = true;
    await each.stop();
  }
});

/** Answers every request in this way. */
function answerWith(answer: Answer): void {
  server.onRequest = (request, response) => {
    answer(request, response);
    return true;
  };
}

async function typed(work: Promise<unknown>, message: RegExp): Promise<void> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(StorageError);
  expect((error as Error).message).toMatch(message);
}

describe('Content-Encoding', () => {
  const text = Buffer.from(Array.from({ length: 5_001 }, (_, i) => `{"i":${i}}\n`).join(''));
  const serve = (encoding: string, body: Uint8Array, ranges: boolean): void =>
    answerWith((request, response) => {
      const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
      const isRange = ranges && from !== undefined;
      const start = isRange ? Number(from) : 0;
      const end = isRange && to ? Math.min(Number(to) + 1, body.length) : body.length;
      response.writeHead(isRange ? 206 : 200, {
        etag: '"e"',
        'content-encoding': encoding,
        'content-length': end - start,
        ...(isRange && { 'content-range': `bytes ${start}-${end - 1}/${body.length}` }),
      });
      response.end(body.subarray(start, end));
    });

  it.each(['gzip', 'x-gzip', 'deflate', 'br', 'zstd', 'compress', 'GZIP', 'aws-chunked, gzip'])(
    '%s is refused by name, in ranges and whole: never a short read',
    async (encoding) => {
      for (const ranges of [true, false]) {
        serve(encoding, gzipSync(text), ranges);
        for (const name of ['x.jsonl', 'x.jsonl.gz', 'x.txt'])
          await typed(
            openDataset(`${server.origin}/${name}`, { retries: 0 }),
            /compressed \(Content-Encoding: .*\).*\.gz/,
          );
      }
    },
  );

  it.each(['identity', 'aws-chunked', 'utf-8', ''])('%s changes no byte, and is read', async (encoding) => {
    for (const ranges of [true, false]) {
      serve(encoding, text, ranges);
      const dataset = await JsonlDataset.open(`${server.origin}/x.jsonl`, { retries: 0 });
      expect([dataset.length, await dataset.get(5_000)]).toEqual([5_001, { i: 5_000 }]);
      dataset.close();
    }
  });

  it('that comes later, when a proxy begins to compress, is refused too', async () => {
    const source = await openSource(url, { retries: 0 });
    serve('gzip', gzipSync(text), true);
    await typed(source.read(0, 10), /Content-Encoding: gzip/);
  });
});

describe('redirects', () => {
  const headers = { authorization: 'Bearer SECRET', 'x-api-key': 'SECRET', cookie: 'SECRET' };
  const redirectTo = (target: string, status = 302): void =>
    answerWith((_, response) => response.writeHead(status, { location: target }).end());
  const leaked = (seen: ObjectServer) => seen.requests.map(({ headers }) => JSON.stringify(headers)).join();

  it.each([301, 302, 303, 307, 308])('with %s to another host get no header of the user', async (status) => {
    redirectTo(other.put('/content', content), status);
    const source = await openSource(url.replace('//', '//me:SECRET@'), { headers });
    expect(await source.read(10, 20)).toEqual(content.subarray(10, 20));
    expect(server.requests[0]!.headers['x-api-key']).toBe('SECRET');
    expect(other.requests.map((request) => request.headers.range)).toEqual(['bytes=0-1', 'bytes=10-19']);
    expect(leaked(other)).not.toContain('SECRET');
    expect(leaked(other)).not.toContain(btoa('me:SECRET'));
  });

  it('to another host get no session token of S3, and no signature', async () => {
    vi.stubEnv('AWS_SESSION_TOKEN', 'SECRET');
    redirectTo(other.put('/content', content), 307);
    await openSource('s3://bucket/content');
    expect(server.requests[0]!.headers['x-amz-security-token']).toBe('SECRET');
    expect(Object.keys(other.requests[0]!.headers).filter((name) => /amz|auth/.test(name))).toEqual([]);
  });

  it('and back get none either: what was dropped stays dropped', async () => {
    other.onRequest = (_, response) => {
      response.writeHead(302, { location: `${server.origin}/data/content` }).end();
      return true;
    };
    server.onRequest = (request, response) => {
      if (request.url !== '/begin') return false;
      response.writeHead(302, { location: `${other.origin}/x` }).end();
      return true;
    };
    await openSource(`${server.origin}/begin`, { headers });
    expect(server.requests.map((request) => request.headers['x-api-key'])).toEqual(['SECRET', undefined]);
  });

  it('on the same host keep the headers', async () => {
    server.onRequest = (request, response) => {
      if (request.url !== '/old') return false;
      response.writeHead(308, { location: '/data/content' }).end();
      return true;
    };
    const source = await openSource(`${server.origin}/old`, { headers });
    expect(await source.read(0, 5)).toEqual(content.subarray(0, 5));
    expect(server.requests.map((request) => request.headers['x-api-key'])).toEqual(Array(4).fill('SECRET'));
  });

  it.each([
    ['in a circle', (origin: string) => `${origin}/x`, /redirects more than 20 times/],
    ['to a file', () => 'file:///etc/passwd', /redirects to an address that is not http: or https:.*file:/],
    ['to data', () => 'data:text/plain,SECRET', /redirects to an address that is not http: or https:/],
    ['to nonsense', () => 'http://ho st:x/', /is not a URL/],
  ])('%s are an error', async (_, target, message) => {
    redirectTo(target(server.origin));
    await typed(openSource(`${server.origin}/x`), message);
    expect(server.requests.length).toBeLessThan(30);
  });
});

describe('answers without end', () => {
  /** Sends chunks as long as the client reads them. */
  const pour = (response: ServerResponse, piece: Uint8Array): void => {
    const next = () => {
      if (!response.destroyed && response.write(piece)) setImmediate(next);
      else if (!response.destroyed) response.once('drain', next);
    };
    next();
  };
  const range = { etag: '"e"', 'content-range': 'bytes 0-1/100000' };

  it('behind the first bytes, an error or a range are cut off', async () => {
    const piece = new Uint8Array(65_536);
    answerWith((_, response) => pour(response.writeHead(206, range), piece));
    const source = await openSource(url, { retries: 0 });
    expect(await source.read(0, 10)).toEqual(new Uint8Array(10));
    answerWith((_, response) => pour(response.writeHead(403), Buffer.alloc(65_536, 'no ')));
    await typed(openSource(url, { retries: 0 }), /Access is denied.*403 Forbidden: no no no/);
  });

  it('are refused as lists', async () => {
    answerWith((_, response) => pour(response, Buffer.alloc(2 ** 20, '<Contents/>')));
    await typed(listFiles('s3://bucket/*', { retries: 0 }), /longer than 33554432 characters/);
  });

  it('that drip are abandoned, however long they would continue', async () => {
    let drops = 0;
    answerWith((_, response) => {
      response.writeHead(206, { etag: '"e"', 'content-range': 'bytes 0-999999/1000000' });
      const drip = setInterval(() => {
        drops += 1;
        response.write('x');
      });
      response.once('close', () => clearInterval(drip));
    });
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    try {
      const opening = openSource(url, { retries: 0, timeoutMs: 30_000 });
      const reading = typed(
        opening.then((source) => source.read(0, 1_000_000)),
        /only \d+ bytes came for 30000 ms.*tries 1/,
      );
      while (drops < 50) await new Promise(setImmediate);
      await vi.advanceTimersByTimeAsync(30_000);
      await reading;
    } finally {
      vi.useRealTimers();
    }
  });

  it('that deliver a byte per attempt are abandoned', async () => {
    const source = await openSource(url, { retries: 2 });
    for (let k = 0; k < 5; k++) server.faults.push({ type: 'drop', after: 1 });
    server.requests.length = 0;
    await typed(source.read(0, 50_000), /tries 3/);
    expect(server.requests).toHaveLength(3);
  });
});

describe('lengths', () => {
  it.each([
    ['none', {}],
    ['words', { 'content-range': 'bytes 0-1/many' }],
    ['an unknown one', { 'content-range': 'bytes 0-1/*' }],
    ['a fraction', { 'content-range': 'bytes 0-1/1.5' }],
    ['more than can be counted', { 'content-range': 'bytes 0-1/99999999999999999999' }],
  ])('that are %s are an error', async (_, headers) => {
    answerWith((_, response) => response.writeHead(206, { etag: '"e"', ...headers }).end('ab'));
    await typed(openSource(url, { retries: 0 }), /does not send the length/);
  });

  it('beyond all memory are an error when they are read, not a crash', async () => {
    answerWith((_, response) =>
      response.writeHead(206, { etag: '"e"', 'content-range': `bytes 0-1/${2 ** 52}` }).end('ab'),
    );
    for (const cache of [false, true]) {
      const source = await openSource(url, { retries: 0, cache });
      await typed(source.read(0, source.byteLength), /Cannot allocate 4503599627370496 bytes/);
    }
  });

  it('that are shorter or longer than said are never read as if they were right', async () => {
    const source = await openSource(url, { retries: 1 });
    for (let k = 0; k < 2; k++) server.faults.push({ type: 'truncate', after: 10 });
    await typed(source.read(0, 1_000), /ended after \d+ of \d+ bytes/);
    const other = await openSource(url, { retries: 0 });
    answerWith((_, response) =>
      response
        .writeHead(206, {
          etag: server.objects.get('/data/content')!.etag,
          'content-range': 'bytes 5-14/100000',
        })
        .end(content.subarray(5, 15)),
    );
    await typed(other.read(0, 10), /bytes from 5 on, not from 0/);
  });
});

describe('lists of S3', () => {
  const list = (inner: string): void =>
    answerWith((_, response) => response.end(`<ListBucketResult>${inner}</ListBucketResult>`));
  const contents = (key: string) => `<Contents><Key>${key}</Key></Contents>`;
  const listed = () => listFiles('s3://bucket/p/*', { retries: 0 });

  it.each([
    ['p/a+b', '', 'p/a+b'],
    ['p/100%', '', 'p/100%'],
    ['p/%41', '', 'p/%41'],
    ['p/a&amp;b&lt;c&#38;&#x26;', '', 'p/a&b<c&&'],
    ['p/ä ö', '', 'p/ä ö'],
    ['p/__proto__', '', 'p/__proto__'],
    ['p/007', '', 'p/007'],
    ['p/a%2Bb+c', 'url', 'p/a+b c'],
    ['p/100%25', 'url', 'p/100%'],
    ['p/100%', 'url', 'p/100%'],
    ['p/%C3%A4', 'url', 'p/ä'],
  ])('give the key %s (encoded: %s) as %s', async (written, encoding, key) => {
    list(`${encoding && `<EncodingType>${encoding}</EncodingType>`}${contents(written)}`);
    expect(await listed()).toEqual([`s3://bucket/${key}`]);
  });

  it('leave out what another prefix has, where a store knows none', async () => {
    list(contents('p/a') + contents('q/b') + contents('p2/c') + contents('p/folder/'));
    expect(await listed()).toEqual(['s3://bucket/p/a']);
  });

  const more = (token: string) =>
    `<IsTruncated>true</IsTruncated><NextContinuationToken>${token}</NextContinuationToken>`;
  it.each<[string, Answer]>([
    ['text', (_, response) => response.end('not xml at all <<<<')],
    ['nothing', (_, response) => response.end()],
    ['a page', (_, response) => response.end('<!doctype html><html><body>Log in</body></html>')],
    ['JSON', (_, response) => response.end('{"keys":[]}')],
    ['half a list', (_, response) => response.end('<ListBucketResult><Contents><Key>p/a')],
    [
      'keys that are none',
      (_, response) =>
        response.end('<ListBucketResult><Contents><Key><b/></Key></Contents></ListBucketResult>'),
    ],
    [
      'entities that grow',
      (_, response) =>
        response.end(
          `<!DOCTYPE x [<!ENTITY a "${'x'.repeat(99)}">]><ListBucketResult>&a;</ListBucketResult>`,
        ),
    ],
    [
      'no token',
      (_, response) => response.end('<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>'),
    ],
    [
      'the same token',
      (_, response) => response.end(`<ListBucketResult>${more('t')}${contents('p/a')}</ListBucketResult>`),
    ],
    [
      'tokens in turn',
      (_, response) =>
        response.end(
          `<ListBucketResult>${more(`t${server.requests.length % 3}`)}${contents('p/a')}</ListBucketResult>`,
        ),
    ],
    [
      'endless empty pages',
      (_, response) =>
        response.end(`<ListBucketResult>${more(`t${server.requests.length}`)}</ListBucketResult>`),
    ],
  ])('that are %s are an error', async (_, answer) => {
    answerWith(answer);
    await typed(listed(), /not a list of files|list of files never ends|Nothing matches/);
  });
});

describe('lists of the Hub', () => {
  beforeEach(() => {
    vi.stubEnv('HF_ENDPOINT', server.origin);
    vi.stubEnv('HF_TOKEN', 'SECRET');
  });
  const listed = () => listFiles('hf://datasets/user/name/*', { retries: 0 });

  it('give names as they are, which can be opened', async () => {
    const names = ['100%.txt', 'a%41.txt', 'ä b.txt', 'x?y#z.txt'];
    server.onRequest = (request, response) => {
      if (!request.url!.startsWith('/api/')) return false;
      response.end(JSON.stringify(names.map((path) => ({ type: 'file', path }))));
      return true;
    };
    for (const name of names) {
      const path = `/datasets/user/name/resolve/main/${encodeURIComponent(name)}`;
      server.objects.set(decodeURIComponent(path), { bytes: Buffer.from(name), etag: '"e"' });
    }
    for (const found of await listed()) {
      const source = await openSource(found, { retries: 0 });
      expect(names).toContain(Buffer.from(await source.read(0, source.byteLength)).toString());
    }
  });

  it('go on to another host without the token, and to the same page never', async () => {
    const page = JSON.stringify([{ type: 'file', path: 'a.txt' }]);
    other.onRequest = (_, response) => {
      response.end(page);
      return true;
    };
    answerWith((_, response) =>
      response.writeHead(200, { link: `<${other.origin}/next>; rel="next"` }).end(page),
    );
    expect(await listed()).toHaveLength(2);
    expect(server.requests[0]!.headers.authorization).toBe('Bearer SECRET');
    expect(other.requests[0]!.headers.authorization).toBeUndefined();
    answerWith((request, response) =>
      response.writeHead(200, { link: `<${request.url}>; rel="next"` }).end(page),
    );
    await typed(listed(), /list of files never ends/);
    answerWith((_, response) => response.end('<html>'));
    await typed(listed(), /not a list of files/);
  });
});

it('an object without ETag and date is read, with one warning that a change would go unnoticed', async () => {
  const warnings: string[] = [];
  const listen = ({ message }: Error) => warnings.push(message);
  process.on('warning', listen);
  for (const name of ['/one', '/two']) await openSource(server.put(name, content, {}));
  await openSource(url);
  await new Promise((resolve) => setImmediate(resolve));
  process.off('warning', listen);
  expect(warnings.filter((message) => /\/one has neither ETag nor Last-Modified/.test(message))).toHaveLength(
    1,
  );
  expect(warnings).toHaveLength(1);
});

it('a server that closes every connection is an error with the number of tries', async () => {
  const rude: Server = createServer((request) => request.socket.destroy());
  await new Promise<void>((resolve) => rude.listen(0, '127.0.0.1', resolve));
  await typed(
    openSource(`http://127.0.0.1:${(rude.address() as AddressInfo).port}/x`, { retries: 1 }),
    /tries 2/,
  );
  await new Promise((resolve) => rude.close(resolve));
});
