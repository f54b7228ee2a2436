// https://avro.apache.org/docs/1.12.0/specification/#object-container-files
import { FormatError } from '../../core/errors.js';
import { messageOf } from '../../core/thrown.js';
import { checkDecompressed, defaultDecompressedBytes } from '../../storage/decompressed-limit.js';
import { openSource } from '../../storage/open-source.js';
import type { StorageOptions } from '../../storage/storage-options.js';
import { unpackBlock } from './avro-codecs.js';
import { AvroReader, readerOf } from './avro-reader.js';

/** An Avro file: its records, and what its header says. */
export interface AvroFile<T> {
  readonly records: readonly T[];
  /** The schema, as JSON. */
  readonly schema: unknown;
  readonly metadata: ReadonlyMap<string, string>;
}

const magic = 'Obj\u0001';
const markerBytes = 16;

/**
 * Reads an Avro file: records as objects, 64-bit integers as `bigint`.
 *
 * @param byteLength - The length that the table says.
 * @throws {@link FormatError} if it is damaged, or expands to more than `maxDecompressedBytes`; {@link StorageError}
 */
export async function readAvro<T>(
  file: string,
  options: StorageOptions,
  byteLength?: number,
): Promise<AvroFile<T>> {
  const source = await openSource(file, options);
  try {
    const bytes = await source.read(0, source.byteLength);
    if (byteLength !== undefined && byteLength !== bytes.length)
      throw new Error(`it has ${bytes.length} bytes, and the table says ${byteLength}`);
    return await decode<T>(file, bytes, options.maxDecompressedBytes ?? defaultDecompressedBytes);
  } catch (cause) {
    if (cause instanceof FormatError) throw 'file' in cause.where ? cause : cause.addLocation({ file });
    if (!(cause instanceof Error) || ('code' in cause && String(cause.code).startsWith('ERR_MILLRACE')))
      throw cause;
    throw new FormatError(`A file of the Iceberg table's metadata is damaged: ${messageOf(cause)}`, {
      where: { file },
      next: 'Copy the table again, with all of metadata/.',
      cause,
    });
  } finally {
    source.close();
  }
}

async function decode<T>(file: string, bytes: Uint8Array, limit: number): Promise<AvroFile<T>> {
  const reader = new AvroReader(bytes);
  if (new TextDecoder().decode(reader.take(magic.length)) !== magic)
    throw new Error('it is not an Avro file');
  const metadata = new Map<string, string>();
  for (const count of reader.counts())
    for (let k = 0; k < count; k++) metadata.set(reader.text(), reader.text());
  const marker = reader.take(markerBytes);
  const schema: unknown = JSON.parse(metadata.get('avro.schema') ?? '');
  const read = readerOf(schema);
  const records: T[] = [];
  let unpacked = 0;
  while (!reader.isAtEnd) {
    const count = reader.int();
    const packed = reader.take(reader.int());
    if (reader.take(markerBytes).some((byte, k) => byte !== marker[k]))
      throw new Error('a block does not end with the marker of the file');
    const before = unpacked;
    const check = (bytes: number) => checkDecompressed(before + bytes, limit, { file });
    const content = await unpackBlock(metadata.get('avro.codec') ?? 'null', packed, check);
    unpacked += content.length;
    const block = new AvroReader(content);
    block.count(count);
    for (let k = 0; k < count; k++) records.push(read(block) as T);
    if (!block.isAtEnd) throw new Error('a block has more bytes than its records');
  }
  return { records, schema, metadata };
}
