export { type Conversion, convert } from './convert.js';
export type { ConversionProgress, ConvertOptions } from './convert-options.js';
export {
  type ChecksumReport,
  type ConversionManifest,
  type ConversionTarget,
  conversionTargets,
  verifyConversion,
} from './manifest.js';
export type { ParquetType } from './parquet-types.js';
export type { ConvertedFile } from './part.js';
