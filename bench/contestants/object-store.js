// node object-store.js <folder>: an S3 server with one object of 256 MiB and a thousand small ones. Prints its URL
// when ready.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import S3rver from 's3rver';
import { S3Service } from '../../dist/storage/clouds/s3-service.js';

const [directory] = process.argv.slice(2);
mkdirSync(directory, { recursive: true });
const isMade = existsSync(`${directory}/bench`);
const configureBuckets = [{ name: 'bench', configs: [] }];
const server = new S3rver({ port: 0, address: '127.0.0.1', silent: true, directory, configureBuckets });
const { port } = await server.run();
const endpoint = `http://127.0.0.1:${port}`;
const credentials = { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' };
const service = new S3Service({ endpoint, credentials });
const put = async (key, body) => {
  const request = await service.request(service.address({ bucket: 'bench', key }), {});
  const { status } = await fetch(request.url, { method: 'PUT', body });
  if (status !== 200) throw new Error(`PUT ${key}: ${status}`);
};
if (!isMade) {
  await put('large', Buffer.alloc(2 ** 28, createHash('sha256').update('large').digest()));
  for (let k = 0; k < 1_000; k++) await put(`shards/${k}`, Buffer.from(`shard ${k}`));
}
console.log(endpoint);
