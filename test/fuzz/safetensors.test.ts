import { fuzzTest } from './harness.js';

fuzzTest('damaged safetensors files give a typed error or values', {
  reader: new URL('readers/safetensors.js', import.meta.url),
  corpus: [new URL('../fixtures/formats/arrays.safetensors', import.meta.url)],
});
