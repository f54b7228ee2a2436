import { fingerprint, fingerprintBytes } from '../core/fingerprint.js';
import type { ByteSource } from './byte-source.js';

/** Bytes of each sample of the content. */
const sampleBytes = 65_536;

/**
 * Identifies content by its length and its first, middle and last 64 KiB, the same wherever it is stored: a run can be resumed with data
 * that was moved, which an ETag would not allow. The samples are read past a cache, whose blocks are a hundred times as large. A change elsewhere
 * that keeps the length is not noticed: `millrace verify` reads all.
 */
export async function contentFingerprint(source: ByteSource): Promise<string> {
  const { byteLength } = source;
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
