import { Buffer } from 'node:buffer';
import { type FileMetaData, parquetMetadata, parquetSchema, type SchemaTree } from 'hyparquet';
import { type ByteSource, readApart } from '../../storage/byte-source.js';
import { readThrift } from './compact-thrift.js';
import { leafCount } from './parquet-schema.js';

/** The footer is read with the bytes before it, which often contain all of it. */
const firstRead = 2 ** 16;

/** Reads the metadata of a file. @throws Error if it is damaged or encrypted */
export async function readFooter(
  source: ByteSource,
): Promise<{ readonly metadata: FileMetaData; readonly columns: readonly SchemaTree[] }> {
  const { byteLength } = source;
  if (byteLength < 12) throw new Error(`it has ${byteLength} bytes, which are too few`);
  let start = Math.max(0, byteLength - firstRead);
  let bytes = await readApart(source, start, byteLength);
  const magic = Buffer.from(bytes.subarray(-4)).toString('latin1');
  if (magic === 'PARE') throw new Error('its footer is encrypted, and decryption is not supported');
  if (magic !== 'PAR1')
    throw new Error('it does not end with PAR1: it is cut short, or is not a Parquet file');
  const footerBytes = new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - 8, true);
  if (footerBytes > byteLength - 12)
    throw new Error(`its footer of ${footerBytes} bytes is longer than the file`);
  if (footerBytes + 8 > bytes.length) {
    start = byteLength - 8 - footerBytes;
    bytes = await readApart(source, start, byteLength);
  }
  const footer = bytes.subarray(bytes.length - 8 - footerBytes);
  // hyparquet allocates the claimed length of a list, so it receives only bytes that were validated.
  readThrift(footer.subarray(0, footerBytes));
  try {
    const metadata = parquetMetadata(footer, { geoparquet: false });
    const columns = parquetSchema(metadata).children;
    checkGroups(metadata, columns);
    return { metadata, columns };
  } catch (cause) {
    if (cause instanceof TypeError) throw new Error('its footer is damaged', { cause });
    throw cause;
  }
}

function checkGroups({ row_groups, num_rows }: FileMetaData, columns: readonly SchemaTree[]): void {
  const leaves = columns.reduce((sum, column) => sum + leafCount(column), 0);
  let total = 0n;
  for (const group of row_groups) {
    if (group.num_rows < 0n || group.columns.length !== leaves)
      throw new Error('its footer is damaged: the row groups do not have its columns');
    total += group.num_rows;
  }
  // Some writers leave the total number of rows at 0.
  if ((num_rows !== 0n && total !== num_rows) || total > Number.MAX_SAFE_INTEGER)
    throw new Error(`the footer says ${num_rows} rows, and its row groups have ${total}`);
}
