import { JsonlDataset } from 'millrace/formats';

export default (path) => JsonlDataset.open(path);
