import { readAvro } from '../../../dist/formats/iceberg/avro-file.js';

export default async (path) => {
  const { records, metadata } = await readAvro(path, { maxDecompressedBytes: 2 ** 24 });
  return { records: records.slice(0, 100), keys: [...metadata.keys()] };
};
