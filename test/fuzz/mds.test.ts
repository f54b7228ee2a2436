import { fuzzTest } from './harness.js';

const fixtures = new URL('../fixtures/formats/', import.meta.url);

fuzzTest('damaged MDS folders give a typed error, and a checksum covers every shard', {
  reader: new URL('readers/mds.js', import.meta.url),
  corpus: ['mds', 'mds-zstd'].map((name) => new URL(name, fixtures)),
  protects: (file) => file !== 'index.json',
});
