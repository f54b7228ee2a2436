// Bundles for browsers replace this module by `web-gunzip.ts`.
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { ByteSource } from './byte-source.js';

/** Decompresses gzip data, chunk by chunk. Zeros may follow the last member. @throws if the data is damaged or truncated */
export async function* gunzip(source: ByteSource): AsyncGenerator<Uint8Array> {
  if (source.byteLength === 0) throw new Error('it is empty');
  const input = Readable.from(source.stream());
  const output = input.pipe(createGunzip());
  // A pipe does not forward errors.
  input.on('error', (error) => output.destroy(error));
  yield* output as AsyncIterable<Uint8Array>;
  // zlib ends without an error at the first zero byte after a member: data after that would be lost.
  for await (const piece of source.stream(output.bytesWritten))
    if (piece.some((byte) => byte !== 0))
      throw new Error(`other bytes follow its end at byte ${output.bytesWritten}`);
}
