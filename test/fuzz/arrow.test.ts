import { fuzzTest } from './harness.js';

const corpus = new URL('../fixtures/formats/corpus/', import.meta.url);

// Arrow has no checksum of its own, and pyarrow writes frames of LZ4 and zstd without theirs.
fuzzTest('damaged Arrow files give a typed error or values', {
  reader: new URL('readers/arrow.js', import.meta.url),
  corpus: ['plain.arrow', 'plain.arrows', 'legacy.arrows', 'lz4.arrow', 'zstd.arrow', 'delta.arrows'].map(
    (name) => new URL(name, corpus),
  ),
});
