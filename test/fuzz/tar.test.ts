import { fuzzTest } from './harness.js';

const fixtures = new URL('../fixtures/formats/', import.meta.url);

fuzzTest('damaged tar archives give a typed error or values', {
  reader: new URL('readers/tar.js', import.meta.url),
  corpus: ['shard-000.tar', 'shard-001.tar', 'shard-002.tar'].map((name) => new URL(name, fixtures)),
});
