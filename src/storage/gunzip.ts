// In bundles for browsers `web-gunzip.ts` stands in its place.
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

/** What gzip data holds, piece by piece. @throws where it is damaged or cut short */
export async function* gunzip(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const input = Readable.from(pieces);
  const output = input.pipe(createGunzip());
  // A pipe does not hand errors on.
  input.on('error', (error) => output.destroy(error));
  yield* output as AsyncIterable<Uint8Array>;
}
