import { createInflateRaw } from 'node:zlib';
import { collectBytes } from '../../core/concat-bytes.js';
import { FormatError } from '../../core/errors.js';
import { snappyLength, unsnappyInto } from '../../storage/snappy.js';
import { keepZstdDecoder, takeZstdDecoder } from '../../storage/zstd.js';
import { crc32 } from '../parquet/crc32.js';

/** Called with the number of bytes of a block so far. Throws if they are too many. */
type CheckLength = (bytes: number) => void;

/**
 * Decompresses a block of an Avro file.
 *
 * @throws {@link FormatError} for a codec that is not read, or Snappy or zstd data that is damaged; Error for others that are
 */
export async function unpackBlock(
  codec: string,
  packed: Uint8Array,
  check: CheckLength,
): Promise<Uint8Array> {
  switch (codec) {
    case 'null':
      return packed;
    case 'deflate': {
      const inflate = createInflateRaw();
      inflate.end(packed);
      return collectBytes(inflate, check);
    }
    case 'snappy':
      return unsnappy(packed, check);
    case 'zstandard':
      return unzstd(packed, check);
    default:
      throw new FormatError(`The file is compressed with ${codec}, which Millrace does not read`, {
        next: 'Rewrite the manifests of the table with write.avro.compression-codec = gzip, zstd or snappy.',
      });
  }
}

/** The checksum of the content follows it. */
function unsnappy(packed: Uint8Array, check: CheckLength): Uint8Array {
  const data = packed.subarray(0, Math.max(0, packed.length - 4));
  const { length } = snappyLength(data);
  check(length);
  const content = new Uint8Array(length);
  unsnappyInto(data, content);
  const checksum = new DataView(packed.buffer, packed.byteOffset, packed.byteLength).getUint32(data.length);
  if (crc32(content) >>> 0 !== checksum) throw new Error('the checksum of a block does not match');
  return content;
}

async function unzstd(packed: Uint8Array, check: CheckLength): Promise<Uint8Array> {
  const decoder = takeZstdDecoder();
  const content = await collectBytes(decoder.decode(packed), check);
  decoder.end();
  keepZstdDecoder(decoder);
  return content;
}
