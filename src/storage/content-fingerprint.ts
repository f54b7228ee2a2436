import { fingerprint, fingerprintBytes } from '../core/fingerprint.js';
import type { ByteSource } from './byte-source.js';

/** Bytes of each sample of the content. */
const sampleBytes = 65_536;

/**
 * Identifies content without reading it whole: by its length and ETag where a store gives a strong one, else by its length and its first,
 * middle and last 64 KiB. With the samples, a change elsewhere that keeps the length is not noticed: `millrace verify` reads all.
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
