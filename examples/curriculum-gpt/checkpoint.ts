// Stores a training state as a safetensors file: the byte length of the JSON header (little-endian u64), the header with
// the dtype, shape and byte range of each tensor, then the elements.

import { open, readFile, rename } from 'node:fs/promises';
import { type Tensor, tensor } from 'millrace';
import type { ModelState } from './language-model.js';
import { UserError } from './user-error.js';

/** The model, and the rest of the run as plain JSON. */
export interface Checkpoint<Run> {
  readonly model: ModelState;
  /** Progress, loader state and settings. */
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

/** Writes a checkpoint. Replaces the file atomically, so a crash leaves the previous checkpoint. */
export async function saveCheckpoint<Run>(path: string, { model, run }: Checkpoint<Run>): Promise<void> {
  const { header, parts } = layOut(model);
  const metadata = { format: 'curriculum-gpt', steps: String(model.steps), run: JSON.stringify(run) };
  const json = Buffer.from(JSON.stringify({ __metadata__: metadata, ...header }));
  // Padded with spaces, so that the elements start at a multiple of 8 bytes.
  const head = Buffer.alloc(lengthBytes + Math.ceil(json.length / 8) * 8, ' ');
  head.writeBigUInt64LE(BigInt(head.length - lengthBytes));
  json.copy(head, lengthBytes);
  const file = await open(`${path}.partial`, 'w');
  try {
    for (const part of [head, ...parts]) await file.writeFile(part);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.partial`, path);
}

/**
 * Reads a checkpoint.
 *
 * @throws {@link UserError} if there is none, if the file is not a checkpoint, or if it is truncated.
 */
export async function loadCheckpoint<Run>(path: string): Promise<Checkpoint<Run>> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new UserError(
      `There is no run to resume: ${path} cannot be read. Start a new run, or pass the --output of the interrupted one.`,
      { cause },
    );
  });
  const headerEnd = lengthBytes + (bytes.length < lengthBytes ? 0 : Number(bytes.readBigUInt64LE()));
  const { metadata, header } = parseHeader(path, bytes.subarray(lengthBytes, headerEnd));
  const tensors: Record<string, Tensor<'float32'>> = {};
  for (const [name, { shape, data_offsets }] of Object.entries(header)) {
    const byteOffset = headerEnd + data_offsets[0];
    const needed = shape.reduce((count, length) => count * length, 1) * Float32Array.BYTES_PER_ELEMENT;
    if (byteOffset + needed > bytes.length) {
      throw new UserError(
        `${path} is truncated: it has ${bytes.length} bytes and needs at least ${byteOffset + needed}. Delete it and start a new run.`,
      );
    }
    const elements = new Uint8Array(needed);
    elements.set(bytes.subarray(byteOffset, byteOffset + needed));
    tensors[name] = tensor(new Float32Array(elements.buffer), shape);
  }
  return { model: { steps: Number(metadata.steps), tensors }, run: JSON.parse(metadata.run) as Run };
}

function layOut({ tensors }: ModelState): { header: Header; parts: Uint8Array[] } {
  const header: Record<string, Header[string]> = {};
  const parts: Uint8Array[] = [];
  let offset = 0;
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + data.byteLength] };
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
    if (metadata.format !== 'curriculum-gpt') throw new TypeError(`format is ${String(metadata.format)}`);
    return { metadata, header };
  } catch (cause) {
    throw new UserError(`${path} is not a checkpoint. Delete it and start a new run.`, { cause });
  }
}
