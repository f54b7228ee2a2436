export { type Conversion, convert } from './convert.js';
export { type ChecksumReport, verifyConversion } from './manifest.js';
