import type { Duplex } from 'node:stream';
import { FormatError } from '../../core/errors.js';
import { importPeer } from '../../core/peer.js';
import { messageOf } from '../../core/thrown.js';
import { openSource } from '../../storage/open-source.js';
import type { StorageOptions } from '../../storage/storage-options.js';

/** What is used of `avsc`. */
interface Avro {
  readonly Type: {
    forSchema(schema: unknown, options: { readonly registry: Record<string, unknown> }): unknown;
  };
  readonly types: { readonly LongType: { __with(methods: object): unknown } };
  readonly streams: {
    readonly BlockDecoder: new (options: { readonly parseHook: (schema: unknown) => unknown }) => Duplex;
  };
}

interface Header {
  readonly meta: Readonly<Record<string, Uint8Array>>;
  /** 16 bytes. */
  readonly sync: Uint8Array;
}

/** An Avro file: its records, and what its header says. */
export interface AvroFile<T> {
  readonly records: readonly T[];
  /** The schema, as JSON. */
  readonly schema: unknown;
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * Reads an Avro file: records as objects, 64-bit integers as `bigint`.
 *
 * @param byteLength - The length that the table says.
 * @throws {@link FormatError} if it is damaged; {@link MissingPeerError}; {@link StorageError}
 */
export async function readAvro<T>(
  file: string,
  options: StorageOptions,
  byteLength?: number,
): Promise<AvroFile<T>> {
  const { default: avro } = await importPeer<{ readonly default: Avro }>('avsc', 'An Iceberg table');
  const source = await openSource(file, options);
  try {
    const bytes = await source.read(0, source.byteLength);
    if (byteLength !== undefined && byteLength !== bytes.length)
      throw new Error(`it has ${bytes.length} bytes, and the table says ${byteLength}`);
    return await decode<T>(avro, bytes);
  } catch (cause) {
    if (cause instanceof FormatError || !(cause instanceof Error) || 'code' in cause) throw cause;
    throw new FormatError(`A file of the Iceberg table's metadata is damaged: ${messageOf(cause)}`, {
      where: { file },
      next: 'Copy the table again, with all of metadata/.',
      cause,
    });
  } finally {
    source.close();
  }
}

function decode<T>(avro: Avro, bytes: Uint8Array): Promise<AvroFile<T>> {
  const long = avro.types.LongType.__with({
    fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE(),
    toBuffer(value: bigint) {
      const buffer = Buffer.alloc(8);
      buffer.writeBigInt64LE(value);
      return buffer;
    },
    fromJSON: BigInt,
    toJSON: String,
    isValid: (value: unknown) => typeof value === 'bigint',
    compare: (a: bigint, b: bigint) => (a < b ? -1 : Number(a > b)),
  });
  return new Promise((resolve, reject) => {
    const records: T[] = [];
    let schema: unknown;
    let metadata: ReadonlyMap<string, string> = new Map();
    let marker: Uint8Array = new Uint8Array(0);
    const decoder = new avro.streams.BlockDecoder({
      parseHook: (found) => {
        schema = found;
        return avro.Type.forSchema(found, { registry: { long } });
      },
    });
    decoder.on('metadata', (_type, _codec, header: Header) => {
      marker = header.sync;
      metadata = new Map(
        Object.entries(header.meta).map(([key, value]) => [key, new TextDecoder().decode(value)]),
      );
    });
    decoder.on('data', (record: T) => records.push(record));
    decoder.on('end', () => {
      // avsc reads the blocks that are whole. Each ends with the marker in the header.
      if (schema === undefined) reject(new Error('it has no header'));
      else if (Buffer.compare(bytes.subarray(-marker.length), marker) !== 0)
        reject(new Error('it is cut short'));
      else resolve({ records, schema, metadata });
    });
    decoder.on('error', reject);
    decoder.end(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  });
}
