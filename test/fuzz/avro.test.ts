import { fuzzTest } from './harness.js';

const metadata = new URL('../fixtures/tables/iceberg/events/metadata/', import.meta.url);

fuzzTest('damaged manifests of Iceberg give a typed error or values', {
  reader: new URL('readers/avro.js', import.meta.url),
  corpus: ['m1.avro', 'v4.avro', 'snap-4.avro'].map((name) => new URL(name, metadata)),
});
