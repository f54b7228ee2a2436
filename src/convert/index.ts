export { selected } from '../formats/selection.js';
export { type Conversion, cancelConversion, convert } from './convert.js';
export { type ChecksumReport, verifyConversion } from './manifest.js';
export { estimateMap, mapDataset } from './map/map-dataset.js';
export type { MapFunction } from './map/map-function.js';
