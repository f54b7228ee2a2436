import { readFileSync } from 'node:fs';
import { JsonlDataset } from 'millrace/formats';
import { MemorySource } from 'millrace/storage';

// From memory: nothing is left in the cache of decompressed files.
export default (path) => JsonlDataset.open(new MemorySource(readFileSync(path), path));
