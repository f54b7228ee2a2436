import { fuzzTest } from './harness.js';

const fixtures = new URL('../fixtures/formats/', import.meta.url);

fuzzTest('damaged npy files give a typed error or values', {
  reader: new URL('readers/npy.js', import.meta.url),
  corpus: ['int64.npy', 'float32.npy', 'bool.npy'].map((name) => new URL(name, fixtures)),
});
