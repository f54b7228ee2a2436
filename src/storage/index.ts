export { type ByteRanges, type ByteSource, isLocal, type LocalSource } from './byte-source.js';
export { FileSource } from './file-source.js';
export { listFiles } from './list-files.js';
export { MemorySource } from './memory-source.js';
export { openSource } from './open-source.js';
export { RemoteSource } from './remote-source.js';
export { type S3Credentials, type S3Options, S3Service } from './s3-location.js';
export type { StorageOptions } from './storage-options.js';
