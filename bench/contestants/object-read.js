// node object-read.js <what> <endpoint>: reads the large object or opens the small ones, through Millrace or with
// plain fetch.
import { openSource } from 'millrace/storage';
import { print } from './report.js';

const [what, endpoint] = process.argv.slice(2);
const keys = Array.from({ length: 1_000 }, (_, k) => `shards/${k}`);
Object.assign(process.env, {
  AWS_ENDPOINT_URL: endpoint,
  AWS_ACCESS_KEY_ID: 'S3RVER',
  AWS_SECRET_ACCESS_KEY: 'S3RVER',
});

/** Runs `work` for all items, with limited concurrency. */
async function atOnce(count, all, work) {
  const rest = [...all];
  const one = async () => {
    for (let next = rest.pop(); next !== undefined; next = rest.pop()) await work(next);
  };
  await Promise.all(Array.from({ length: count }, one));
}

const contestants = {
  async 'fetch-stream'() {
    // A reader must know the length and version first; this server is slow to provide them.
    const first = await fetch(`${endpoint}/bench/large`, { headers: { range: 'bytes=0-1' } });
    await first.arrayBuffer();
    const { body } = await fetch(`${endpoint}/bench/large`);
    let bytes = 0;
    for await (const piece of body) bytes += piece.length;
    return bytes;
  },
  async stream() {
    const source = await openSource('s3://bench/large');
    let bytes = 0;
    for await (const piece of source.stream()) bytes += piece.length;
    return bytes;
  },
  async 'fetch-open'() {
    await atOnce(16, keys, async (key) => {
      const answer = await fetch(`${endpoint}/bench/${key}`, { headers: { range: 'bytes=0-1' } });
      await answer.arrayBuffer();
    });
    return 1;
  },
  async open() {
    await atOnce(16, keys, (key) => openSource(`s3://bench/${key}`));
    return 1;
  },
};
await contestants[what]();
const before = process.cpuUsage();
const started = performance.now();
const amount = await contestants[what]();
const { user, system } = process.cpuUsage(before);
print(amount, (performance.now() - started) / 1_000, (user + system) / 1e6);
