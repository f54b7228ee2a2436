import { hostname } from 'node:os';
import { join } from 'node:path';
import { AppendedFile } from './appended-file.js';
import { maskedCrc32c } from './crc32c.js';
import type { FigureWriter } from './figure-writer.js';
import { valuesOf } from './metrics.js';
import type { RunFigures } from './run-statistics.js';

/**
 * Writes figures as scalars to a TensorBoard event file; the step is the number of delivered batches.
 *
 * Every record is flushed, so that TensorBoard can show the run while it lasts.
 */
export class TensorBoardWriter implements FigureWriter {
  readonly #file: AppendedFile;

  /**
   * @param folder - The run's folder in TensorBoard's log directory. The event file is created in it.
   * @throws {@link StorageError} if the file cannot be created.
   */
  constructor(folder: string) {
    const seconds = Math.floor(Date.now() / 1_000);
    const name = `events.out.tfevents.${String(seconds).padStart(10, '0')}.${hostname()}.${process.pid}.millrace`;
    this.#file = new AppendedFile(join(folder, name));
    this.#append(Date.now(), 0, text(fields.fileVersion, 'brain.Event:2'));
  }

  /** Path of the event file. */
  get path(): string {
    return this.#file.path;
  }

  write(figures: RunFigures): void {
    const values = valuesOf(figures).map(({ metric, labeled, value }) =>
      scalar(`millrace/${metric.name}${labeled === undefined ? '' : `/${labeled}`}`, value),
    );
    this.#append(figures.at, figures.batches, lengthPrefixed(fields.summary, Buffer.concat(values)));
  }

  close(): void {
    this.#file.close();
  }

  #append(at: number, step: number, what: Uint8Array): void {
    const event = Buffer.concat([double(fields.wallTime, at / 1_000), whole(fields.step, step), what]);
    this.#file.append(record(event));
    this.#file.flush();
  }
}

// Protocol buffers: a field is its number and wire type, then the value.
//   Event:         1 wall_time (double)   2 step (int64)   3 file_version (string)   5 summary
//   Summary:       1 value (repeated)
//   Summary.Value: 1 tag (string)         2 simple_value (float)
const fields = { wallTime: 1, step: 2, fileVersion: 3, summary: 5 } as const;

function scalar(tag: string, value: number): Uint8Array {
  const float = Buffer.alloc(5);
  float[0] = (2 << 3) | 5;
  float.writeFloatLE(value, 1);
  return lengthPrefixed(1, Buffer.concat([text(1, tag), float]));
}

function double(field: number, value: number): Uint8Array {
  const bytes = Buffer.alloc(9);
  bytes[0] = (field << 3) | 1;
  bytes.writeDoubleLE(value, 1);
  return bytes;
}

function whole(field: number, value: number): Uint8Array {
  return Uint8Array.of(field << 3, ...varint(value));
}

function text(field: number, value: string): Uint8Array {
  return lengthPrefixed(field, Buffer.from(value));
}

function lengthPrefixed(field: number, content: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.of((field << 3) | 2, ...varint(content.length)), content]);
}

/** Seven bits per byte, lowest first. */
function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return [...bytes, rest];
}

/** A TFRecord: length (uint64), its checksum, the content, its checksum. Little-endian. */
function record(content: Uint8Array): Uint8Array {
  const head = Buffer.alloc(12);
  head.writeBigUInt64LE(BigInt(content.length));
  head.writeUInt32LE(maskedCrc32c(head.subarray(0, 8)), 8);
  const tail = Buffer.alloc(4);
  tail.writeUInt32LE(maskedCrc32c(content));
  return Buffer.concat([head, content, tail]);
}
