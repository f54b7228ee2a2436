// About 10 µs of work per sample.
import { deflateRawSync } from 'node:zlib';

const text = new Uint8Array(1_000).map((_, i) => (i * i) % 97);

export default {
  name: 'dear',
  measure: (samples) =>
    samples.map((sample) => deflateRawSync(text.subarray(0, 200 + (sample % 800))).length),
};
