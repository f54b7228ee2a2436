import { mapEach } from '../../core/map-each.js';
import type { ByteSource } from '../../storage/byte-source.js';
import { readThrift } from './compact-thrift.js';

/** Offset of a data page, and its first row within the row group. */
export interface PagePlace {
  readonly start: number;
  readonly end: number;
  readonly firstRow: number;
}

/** Reads a range of the page index. @throws Error if the range lies outside the file */
export async function readRange(source: ByteSource, start: bigint, length: number): Promise<Uint8Array> {
  const end = Number(start) + length;
  if (start < 0n || length < 0 || end > source.byteLength)
    throw new Error('the index of its pages lies outside of the file');
  return source.read(Number(start), end);
}

/** Reads the page index. @throws Error if it is damaged */
export async function readPagePlaces(
  source: ByteSource,
  start: bigint,
  length: number,
): Promise<PagePlace[]> {
  const { value } = readThrift(await readRange(source, start, length));
  const listed = value.get(1);
  if (!Array.isArray(listed) || listed.length === 0) throw damaged();
  const places = listed.map((fields: unknown) => {
    if (!(fields instanceof Map)) throw damaged();
    const [start, bytes, firstRow] = mapEach([1, 2, 3], (id) => Number(fields.get(id)));
    return { start, end: start + bytes, firstRow };
  });
  let [end, row] = [0, -1];
  for (const place of places) {
    const isInOrder = place.start >= end && place.end > place.start && place.firstRow > row;
    if (!isInOrder || place.end > source.byteLength) throw damaged();
    [end, row] = [place.end, place.firstRow];
  }
  if (places[0]!.firstRow !== 0) throw damaged();
  return places;
}

function damaged(): Error {
  return new Error('the index of its pages is damaged');
}
