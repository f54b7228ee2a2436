import { NpzDataset } from 'millrace/formats';

export default (path) => NpzDataset.open(path);
