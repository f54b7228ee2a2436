// A training state in one file, laid out as safetensors: the byte length of a JSON header as little-endian u64, the
// header with dtype, shape and byte range of each tensor, then the elements. Other tools can open it.

import { open, readFile, rename } from 'node:fs/promises';
import { FormatError, StorageError, TruncatedFileError } from '../../core/errors.js';
import { setOwn } from '../../core/record.js';
import { elementCount, type Tensor, tensor } from '../../core/tensor.js';
import type { ModelState } from './language-model.js';

/** What a checkpoint holds: the model, and whatever else the run needs as plain JSON. */
export interface Checkpoint<Run> {
  readonly model: ModelState;
  /** Progress, state of the loader, settings. */
  readonly run: Run;
}

interface Header {
  readonly [name: string]: {
    readonly dtype: 'F32';
    readonly shape: readonly number[];
    readonly data_offsets: readonly [start: number, end: number];
  };
}

const lengthBytes = 8;

/**
 * Writes a checkpoint. The file is replaced in one step, so a crash leaves the one before.
 *
 * @throws {@link StorageError} when it cannot be written.
 */
export async function saveCheckpoint<Run>(path: string, { model, run }: Checkpoint<Run>): Promise<void> {
  const { header, parts } = layOut(model);
  const metadata = { format: 'millrace-demo', steps: String(model.steps), run: JSON.stringify(run) };
  const json = Buffer.from(JSON.stringify({ __metadata__: metadata, ...header }));
  // Padded with spaces, so that the elements begin at a multiple of 8 bytes.
  const head = Buffer.alloc(lengthBytes + Math.ceil(json.length / 8) * 8, ' ');
  head.writeBigUInt64LE(BigInt(head.length - lengthBytes));
  json.copy(head, lengthBytes);
  try {
    const file = await open(`${path}.partial`, 'w');
    try {
      for (const part of [head, ...parts]) await file.writeFile(part);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${path}.partial`, path);
  } catch (cause) {
    throw new StorageError('The training state cannot be written', {
      where: { file: path },
      next: 'Free some space, or choose another folder.',
      cause,
    });
  }
}

/**
 * Reads a checkpoint.
 *
 * @throws {@link StorageError} when there is none, {@link FormatError} when it is another kind of file,
 *   {@link TruncatedFileError} when it is cut short.
 */
export async function loadCheckpoint<Run>(path: string): Promise<Checkpoint<Run>> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new StorageError('There is no training state to resume', {
      where: { file: path },
      next: 'Start a new run, or name the folder that the interrupted run wrote to.',
      cause,
    });
  });
  const headerEnd = lengthBytes + (bytes.length < lengthBytes ? 0 : Number(bytes.readBigUInt64LE()));
  const { metadata, header } = parseHeader(path, bytes.subarray(lengthBytes, headerEnd));
  const tensors: Record<string, Tensor<'float32'>> = {};
  for (const [name, { shape, data_offsets }] of Object.entries(header)) {
    const byteOffset = headerEnd + data_offsets[0];
    const needed = elementCount(shape) * Float32Array.BYTES_PER_ELEMENT;
    if (byteOffset + needed > bytes.length) throw truncated(path, bytes.length, byteOffset + needed);
    const elements = new Uint8Array(needed);
    elements.set(bytes.subarray(byteOffset, byteOffset + needed));
    setOwn(tensors, name, tensor(new Float32Array(elements.buffer), shape));
  }
  return { model: { steps: Number(metadata.steps), tensors }, run: JSON.parse(metadata.run) as Run };
}

function layOut({ tensors }: ModelState): { header: Header; parts: Uint8Array[] } {
  const header: Record<string, Header[string]> = {};
  const parts: Uint8Array[] = [];
  let offset = 0;
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    setOwn(header, name, { dtype: 'F32', shape, data_offsets: [offset, offset + data.byteLength] });
    parts.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    offset += data.byteLength;
  }
  return { header, parts };
}

function parseHeader(
  path: string,
  json: Buffer,
): { metadata: { steps: string; run: string }; header: Header } {
  try {
    const { __metadata__: metadata, ...header } = JSON.parse(json.toString('utf8'));
    if (metadata.format !== 'millrace-demo') throw new TypeError(`format is ${String(metadata.format)}`);
    return { metadata, header };
  } catch (cause) {
    throw new FormatError('This is not the training state of a demo', {
      where: { file: path },
      next: 'Remove the file and start a new run.',
      cause,
    });
  }
}

function truncated(path: string, byteLength: number, needed: number): TruncatedFileError {
  return new TruncatedFileError('The training state is cut short', {
    where: { file: path, byteLength, needed },
    next: 'Remove the file and start a new run.',
  });
}
