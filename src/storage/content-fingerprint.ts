import { fingerprint, fingerprintBytes } from '../core/fingerprint.js';
import type { ByteSource } from './byte-source.js';

/** Bytes of each of the three excerpts. */
const sampleBytes = 65_536;

/**
 * Identifies content by its length and its first, middle and last 64 KiB, independent of its location: unlike with an ETag, a
 * run can resume with data that was moved. The excerpts bypass the cache, whose blocks are a hundred times as large. A change
 * elsewhere that keeps the length goes unnoticed; `millrace verify` reads everything.
 *
 * If a listing gives a hash of the content or its `ETag`, this takes the place of the excerpts and costs no request.
 */
export async function contentFingerprint(source: ByteSource): Promise<string> {
  const { byteLength } = source;
  const tag = source.contentTag?.();
  if (tag !== undefined) return fingerprint({ byteLength, tag });
  const starts = [0, Math.floor((byteLength - sampleBytes) / 2), byteLength - sampleBytes];
  const samples = await Promise.all(
    starts.map((at) => {
      const start = Math.max(0, at);
      const end = Math.min(byteLength, start + sampleBytes);
      return source.readPast ? source.readPast(start, end) : source.read(start, end);
    }),
  );
  return fingerprint({ byteLength, samples: samples.map(fingerprintBytes) });
}
