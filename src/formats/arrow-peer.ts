import type * as Arrow from 'apache-arrow';
import { FormatError } from '../core/errors.js';
import { importPeer } from '../core/peer.js';
import { decompressLz4Frame } from './lz4-frame.js';

type ArrowModule = typeof Arrow;

let loaded: Promise<ArrowModule> | undefined;

/**
 * apache-arrow, with what decompresses the buffers that pyarrow writes by default.
 *
 * @throws {@link MissingPeerError} when it is not installed.
 */
export function loadArrow(): Promise<ArrowModule> {
  loaded ??= withCodecs();
  return loaded;
}

async function withCodecs(): Promise<ArrowModule> {
  const arrow = await importPeer<ArrowModule>('apache-arrow', 'ArrowDataset');
  const { decompress: zstd } = await import('fzstd');
  arrow.compressionRegistry.set(arrow.CompressionType.ZSTD, { decode: (data) => aligned(zstd(data)) });
  arrow.compressionRegistry.set(arrow.CompressionType.LZ4_FRAME, { decode: await lz4Decoder() });
  return arrow;
}

/** In memory of its own: elements of 8 bytes are laid over it. */
function aligned(bytes: Uint8Array): Uint8Array {
  return bytes.byteOffset % 8 === 0 ? bytes : bytes.slice();
}

/** LZ4 needs a package more; its absence matters only to files that have it. */
async function lz4Decoder(): Promise<(data: Uint8Array) => Uint8Array> {
  try {
    const [{ default: lz4 }, { default: xxh32 }] = await Promise.all([
      importPeer<typeof import('lz4js')>('lz4js', 'LZ4'),
      importPeer<typeof import('lz4js/xxh32.js')>('lz4js/xxh32.js', 'LZ4'),
    ]);
    return (data) => decompressLz4Frame(data, { decompressBlock: lz4.decompressBlock, xxh32: xxh32.hash });
  } catch {
    return () => {
      throw new FormatError('The file is compressed with LZ4, which needs the package lz4js', {
        next: 'Run: npm install lz4js; or write the file with compression="zstd".',
      });
    };
  }
}
