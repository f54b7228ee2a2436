import {
  closeSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { measureCopyLimit } from './token-loading.js';

/** Upper limits of this machine, in bytes per second. */
export interface MachineLimits {
  /** One thread copying batches into fresh memory. */
  readonly copy: number;
  /** One thread reading a file sequentially, possibly from the page cache. */
  readonly read: number;
  /** The file read: a data file, or a temporary one. */
  readonly readFile: 'data' | 'temporary';
}

const readBytes = 128e6;
const pieceBytes = 1 << 20;
const smallestBatch = 1 << 16;

/** Measures the limits in about half a second. */
export function measureLimits(bytesPerBatch: number, file: string | undefined): MachineLimits {
  const copy = measureCopyLimit(Math.max(smallestBatch, Math.ceil(bytesPerBatch)));
  if (file !== undefined && statSync(file).isFile() && statSync(file).size >= pieceBytes)
    return { copy, read: readSpeed(file), readFile: 'data' };
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  try {
    const path = join(folder, 'bytes');
    writeFileSync(path, new Uint8Array(readBytes / 2));
    return { copy, read: readSpeed(path), readFile: 'temporary' };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function readSpeed(path: string): number {
  const descriptor = openSync(path, 'r');
  try {
    const wanted = Math.min(readBytes, fstatSync(descriptor).size);
    const piece = new Uint8Array(pieceBytes);
    const started = performance.now();
    let done = 0;
    while (done < wanted) {
      const bytes = readSync(descriptor, piece, 0, pieceBytes, done);
      if (bytes === 0) break;
      done += bytes;
    }
    return (done * 1_000) / (performance.now() - started);
  } finally {
    closeSync(descriptor);
  }
}
