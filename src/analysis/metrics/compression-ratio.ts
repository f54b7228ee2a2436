import { deflateRawSync } from 'node:zlib';
import { eachSample, type Metric } from './metric.js';
import { textOf } from './sample-parts.js';

/**
 * Density of a text: bytes after DEFLATE (RFC 1951, zlib's level 6, no header) per thousand bytes of UTF-8, rounded.
 * Low for repetitive text, high for dense text; above 1,000 for very short text, 0 for empty text. Compression as a
 * measure of training data: Yin et al., 2024, "Entropy Law". Other versions of zlib may compress slightly
 * differently.
 */
export const compressionRatio: Metric = {
  name: 'compressionratio',
  description: 'size after compression',
  unit: '‰ of the bytes',
  scale: 1_000,
  measure: eachSample((sample, index) => {
    const bytes = Buffer.from(textOf(sample, index));
    return bytes.length === 0 ? 0 : deflateRawSync(bytes, { level: 6 }).length / bytes.length;
  }),
};
