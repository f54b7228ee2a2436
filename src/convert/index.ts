export { type Conversion, convert } from './convert.js';
export type { ConvertOptions } from './convert-options.js';
export {
  type ChecksumReport,
  type ConversionManifest,
  conversionTargets,
  verifyConversion,
} from './manifest.js';
