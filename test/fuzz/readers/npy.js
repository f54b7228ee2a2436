import { NpyDataset } from 'millrace/formats';

export default (path) => NpyDataset.open(path);
