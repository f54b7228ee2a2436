import type { ByteSource } from '../../storage/byte-source.js';
import { readMessage } from './arrow-message.js';
import { type ArrowField, fieldsOf, metadataOf } from './arrow-schema.js';
import { FlatTable } from './flat-buffer.js';

/** Byte range of a message and its body. */
export interface BatchPlace {
  readonly start: number;
  readonly end: number;
  readonly rows: number;
  /** Number of dictionary messages before it; in a file, all of them. */
  readonly dictionaries: number;
}

/** Contents of a file or stream, with offsets. */
export interface ArrowLayout {
  readonly fields: readonly ArrowField[];
  /** What the writer added to the schema, by key. */
  readonly metadata: ReadonlyMap<string, string>;
  readonly batches: readonly BatchPlace[];
  readonly dictionaries: readonly BatchPlace[];
  /** All bytes of a stream. */
  readonly bytes?: Uint8Array;
}

/** A file ends with the length of its footer and its magic. */
const tailBytes = 10;
/** Message heads that are read at once. */
const readsAtOnce = 16;

/**
 * Reads the footer of a file and the heads of its record batches.
 *
 * @param withRows - Whether to count the rows of each batch.
 * @throws Error if the file is damaged
 */
export async function readFileLayout(source: ByteSource, withRows: boolean): Promise<ArrowLayout> {
  if (source.byteLength < 8 + tailBytes) throw new Error('it is cut short');
  const tail = await source.read(source.byteLength - tailBytes, source.byteLength);
  if (new TextDecoder('latin1').decode(tail.subarray(4)) !== 'ARROW1')
    throw new Error('it does not end with ARROW1: it is cut short');
  const footerEnd = source.byteLength - tailBytes;
  const footerBytes = new DataView(tail.buffer, tail.byteOffset).getUint32(0, true);
  if (footerBytes > footerEnd - 8) throw new Error('its footer is longer than the file');
  const footer = FlatTable.root(await source.read(footerEnd - footerBytes, footerEnd));
  const schema = footer.table(1);
  if (!schema) throw new Error('its footer has no schema');
  // A block is a 64-bit offset, a 32-bit length of the head, and a 64-bit length of the body.
  const blocks = (field: number) =>
    footer.structs(field, 24, [0, 16]).map(([start, bodyBytes], k) => {
      const headBytes = footer.structInt32(field, 24, k, 8);
      const bodyStart = start + headBytes;
      const end = bodyStart + bodyBytes;
      if (start < 8 || headBytes < 4 || end > footerEnd - footerBytes)
        throw new Error('a record batch lies outside of the file');
      return { start, bodyStart, end };
    });
  const dictionaries = blocks(2).map(({ start, end }) => ({ start, end, rows: 0, dictionaries: 0 }));
  const batches: BatchPlace[] = [];
  const places = blocks(3);
  for (let k = 0; k < places.length; k += readsAtOnce)
    batches.push(
      ...(await Promise.all(
        places.slice(k, k + readsAtOnce).map(async ({ start, bodyStart, end }) => ({
          start,
          end,
          rows: withRows ? await rowsOf(source, start, bodyStart) : 0,
          dictionaries: dictionaries.length,
        })),
      )),
    );
  return { fields: fieldsOf(schema), metadata: metadataOf(schema), batches, dictionaries };
}

async function rowsOf(source: ByteSource, start: number, bodyStart: number): Promise<number> {
  const message = readMessage(await source.read(start, bodyStart), 0);
  if (message?.kind !== 'batch')
    throw new Error(`there is no record batch at byte ${start}: part of the file is missing`);
  return message.batch.rows;
}

/** Walks the messages of a stream. @throws Error if it is damaged or truncated */
export function readStreamLayout(bytes: Uint8Array): ArrowLayout {
  const batches: BatchPlace[] = [];
  const dictionaries: BatchPlace[] = [];
  let fields: readonly ArrowField[] | undefined;
  let metadata: ReadonlyMap<string, string> = new Map();
  // The end marker is optional.
  for (let at = 0; at < bytes.length; ) {
    const message = readMessage(bytes, at);
    if (!message) break;
    if (message.bodyEnd > bytes.length) throw new Error('its last message is cut short');
    const place = { start: at, end: message.bodyEnd, dictionaries: dictionaries.length };
    if (message.kind === 'schema') {
      fields ??= fieldsOf(message.schema);
      metadata = metadataOf(message.schema);
    } else if (!fields) throw new Error('it does not begin with a schema');
    else if (message.kind === 'batch') batches.push({ ...place, rows: message.batch.rows });
    else dictionaries.push({ ...place, rows: 0 });
    at = message.bodyEnd;
  }
  if (!fields) throw new Error('it is neither a file nor a stream: it has no schema');
  return { fields, metadata, batches, dictionaries, bytes };
}
