import { ArrayDataset } from 'millrace';

export default new ArrayDataset(Array.from({ length: 20 }, (_, i) => i * i));
