import { NpzDataset } from 'millrace/formats';
import { firstChecksumError } from './first-checksum-error.js';

export default async (path) => firstChecksumError(await NpzDataset.open(path));
