export type { ByteSource } from './byte-source.js';
export { FileSource } from './file-source.js';
export { MemorySource } from './memory-source.js';
export { openSource } from './open-source.js';
