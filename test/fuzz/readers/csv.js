import { CsvDataset } from 'millrace/formats';

export default (path) => CsvDataset.open(path);
