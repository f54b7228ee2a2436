// MDS shards for benchmarks, as MosaicML's MDSWriter writes them.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';

/** Numbers in the array of a sample. */
export const arrayLength = 435;

const samplesPerShard = 600;

/** Writes shards of about 1 MiB, unless they are there. A sample is an id and an array of int32. */
export function writeMdsShards(folder: string, samples: number): void {
  if (existsSync(`${folder}/index.json`)) return;
  mkdirSync(folder, { recursive: true });
  const columns = {
    column_names: ['id', 'tokens'],
    column_encodings: ['int', `ndarray:int32:${arrayLength}`],
    column_sizes: [8, 4 * arrayLength],
  };
  const shards: object[] = [];
  for (let first = 0; first < samples; first += samplesPerShard) {
    const count = Math.min(samplesPerShard, samples - first);
    const basename = `shard.${String(shards.length).padStart(5, '0')}.mds`;
    const bytes = shardOf(first, count);
    writeFileSync(`${folder}/${basename}`, bytes);
    shards.push({
      ...columns,
      compression: null,
      format: 'mds',
      hashes: [],
      raw_data: { basename, bytes: bytes.length, hashes: {} },
      samples: count,
      size_limit: 2 ** 20,
      version: 2,
      zip_data: null,
    });
  }
  writeFileSync(`${folder}/index.json`, JSON.stringify({ version: 2, shards }));
}

/** The number of samples, the offset of each and of the end, and the samples. */
function shardOf(first: number, count: number): Buffer {
  const head = 4 + 4 * (count + 1);
  const width = 8 + 4 * arrayLength;
  const bytes = Buffer.alloc(head + count * width);
  bytes.writeUInt32LE(count, 0);
  for (let k = 0; k <= count; k++) bytes.writeUInt32LE(head + k * width, 4 + 4 * k);
  for (let k = 0; k < count; k++) {
    const at = head + k * width;
    bytes.writeBigInt64LE(BigInt(first + k), at);
    for (let i = 0; i < arrayLength; i++)
      bytes.writeInt32LE((31 * (first + k) + 7 * i) % 50_000, at + 8 + 4 * i);
  }
  return bytes;
}
