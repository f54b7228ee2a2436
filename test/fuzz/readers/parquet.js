import { ParquetDataset } from 'millrace/formats';

// Less than the harness allows the process.
export default (path) => ParquetDataset.open(path, { maxDecompressedBytes: 64 * 2 ** 20 });
