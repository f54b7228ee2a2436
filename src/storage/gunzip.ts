// In bundles for browsers `web-gunzip.ts` stands in its place.
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { ByteSource } from './byte-source.js';

/** What gzip data holds, piece by piece. Zeros may follow its last member. @throws where it is damaged or cut short */
export async function* gunzip(source: ByteSource): AsyncGenerator<Uint8Array> {
  if (source.byteLength === 0) throw new Error('it is empty');
  const input = Readable.from(source.stream());
  const output = input.pipe(createGunzip());
  // A pipe does not hand errors on.
  input.on('error', (error) => output.destroy(error));
  yield* output as AsyncIterable<Uint8Array>;
  // zlib ends without an error at the first zero byte behind a member: what follows would be lost.
  for await (const piece of source.stream(output.bytesWritten))
    if (piece.some((byte) => byte !== 0))
      throw new Error(`there are other bytes behind its end at ${output.bytesWritten}`);
}
