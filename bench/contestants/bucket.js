// node bucket.js [folder]: an S3 server that costs little, with `<format>/<count>/` of small shards in memory, and the files of a folder
// below `folder/`. Prints its URL when ready. GET /counts returns the number of requests and connections since the last such GET.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { parquetWriteBuffer } from 'hyparquet-writer';

const [folder] = process.argv.slice(2);
const rowsPerShard = 10;
/** Keys of one page of a listing. */
const pageKeys = 1_000;
const counts = [10, 100, 1_000, 10_000];
const objects = new Map();

const put = (key, bytes) => objects.set(key, { bytes, tag: createHash('md5').update(bytes).digest('hex') });
for (let k = 0; k < Math.max(...counts); k++) {
  const rows = Array.from({ length: rowsPerShard }, (_, row) => rowsPerShard * k + row);
  const text = rows.map((row) => `text of row ${row}`);
  const columnData = [
    { name: 'id', data: rows, type: 'INT32' },
    { name: 'text', data: text, type: 'STRING' },
  ];
  const parquet = Buffer.from(parquetWriteBuffer({ columnData }));
  const lines = Buffer.from(rows.map((id, i) => `${JSON.stringify({ id, text: text[i] })}\n`).join(''));
  const name = String(k).padStart(5, '0');
  for (const count of counts) {
    if (k >= count) continue;
    put(`parquet/${count}/${name}.parquet`, parquet);
    put(`jsonl/${count}/${name}.jsonl`, lines);
  }
}
if (folder !== undefined)
  for (const name of readdirSync(folder)) put(`folder/${name}`, readFileSync(`${folder}/${name}`));
const keys = [...objects.keys()].sort();

let seen = { lists: 0, reads: 0, connections: 0, bytes: 0 };
const none = () => ({ lists: 0, reads: 0, connections: 0, bytes: 0 });

function list({ searchParams }) {
  seen.lists += 1;
  const prefix = searchParams.get('prefix') ?? '';
  const delimiter = searchParams.get('delimiter');
  const after = searchParams.get('continuation-token') ?? searchParams.get('start-after') ?? '';
  const most = Number(searchParams.get('max-keys') ?? pageKeys);
  const found = [];
  const folders = new Set();
  let next;
  for (const key of keys) {
    if (!key.startsWith(prefix) || key <= after) continue;
    const cut = delimiter ? key.indexOf(delimiter, prefix.length) : -1;
    if (cut >= 0) {
      folders.add(key.slice(0, cut + 1));
      continue;
    }
    if (found.length === Math.min(most, pageKeys)) {
      next = found.at(-1);
      break;
    }
    found.push(key);
  }
  const contents = found.map((key) => {
    const { bytes, tag } = objects.get(key);
    return (
      `<Contents><Key>${key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>` +
      `<ETag>&quot;${tag}&quot;</ETag><Size>${bytes.length}</Size><StorageClass>STANDARD</StorageClass></Contents>`
    );
  });
  const prefixes = [...folders].map((each) => `<CommonPrefixes><Prefix>${each}</Prefix></CommonPrefixes>`);
  return (
    '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">' +
    `<Name>bench</Name><Prefix>${prefix}</Prefix><KeyCount>${found.length + folders.size}</KeyCount><MaxKeys>${most}</MaxKeys>` +
    `<IsTruncated>${next !== undefined}</IsTruncated>${next === undefined ? '' : `<NextContinuationToken>${next}</NextContinuationToken>`}` +
    `${contents.join('')}${prefixes.join('')}</ListBucketResult>`
  );
}

const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  const url = new URL(request.url, 'http://host');
  if (url.pathname === '/counts') {
    response.end(JSON.stringify(seen));
    seen = none();
    return;
  }
  const key = decodeURIComponent(url.pathname.replace(/^\/bench\/?/, ''));
  if (key === '' && request.method === 'GET') {
    response.writeHead(200, { 'content-type': 'application/xml' }).end(list(url));
    return;
  }
  seen.reads += 1;
  const object = objects.get(key);
  if (!object) {
    response.writeHead(404, { 'content-type': 'application/xml' });
    response.end(request.method === 'HEAD' ? undefined : '<Error><Code>NoSuchKey</Code></Error>');
    return;
  }
  const { bytes, tag } = object;
  const [, from, to] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '') ?? [];
  const start = Number(from ?? 0);
  const end = Math.min(bytes.length, to ? Number(to) + 1 : bytes.length);
  const headers = {
    etag: `"${tag}"`,
    'accept-ranges': 'bytes',
    'content-length': end - start,
    'last-modified': 'Thu, 01 Jan 2026 00:00:00 GMT',
  };
  if (request.method === 'HEAD') {
    response.writeHead(200, headers).end();
    return;
  }
  seen.bytes += end - start;
  if (from !== undefined) headers['content-range'] = `bytes ${start}-${end - 1}/${bytes.length}`;
  response.writeHead(from === undefined ? 200 : 206, headers).end(bytes.subarray(start, end));
});
server.on('connection', () => {
  seen.connections += 1;
});
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
