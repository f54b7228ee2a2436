import { MdsDataset } from 'millrace/formats';
import { firstChecksumError } from './first-checksum-error.js';

export default async (path) => firstChecksumError(await MdsDataset.open(path));
