import { SafetensorsDataset } from 'millrace/formats';

export default (path) => SafetensorsDataset.open(path);
