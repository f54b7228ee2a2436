import { ArrowDataset } from 'millrace/formats';

// Less than the harness allows the process.
export default (path) => ArrowDataset.open(path, { maxDecompressedBytes: 64 * 2 ** 20 });
