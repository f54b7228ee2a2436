import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { checkedJson, parseCheckedJson } from '../core/checked-json.js';
import { StorageError } from '../core/errors.js';
import { isAlive } from '../storage/cache-lock.js';
import { FileWriter } from '../storage/file-writer.js';
import { storageFailure } from '../storage/storage-failure.js';
import { isIntact } from './checksum.js';
import { type PartReceipt, partName } from './part.js';

const jobFile = 'job.json';
const lockFile = 'lock';
const partsFolder = 'parts';
/** Says that the output is about to take its name: what has it is this job's, or was to be replaced. */
const publishingFile = 'publishing';

/**
 * Where a conversion keeps its parts until all are there: a folder beside the output. A part counts when its receipt is there and its
 * files have the receipt's checksums, so that a process killed at any moment leaves parts that are whole and leftovers that go away.
 */
export class WorkFolder {
  readonly path: string;
  /** Where the files of the parts are, and nothing else. */
  readonly parts: string;

  private constructor(path: string) {
    this.path = path;
    this.parts = join(path, partsFolder);
  }

  /**
   * Opens the folder of a job, and takes it for this process.
   *
   * @param job - What identifies the job: the same job goes on with the parts that are there.
   * @param overwrite - Whether another job's parts may be thrown away.
   * @throws {@link StorageError} when another process is at work there, or another job was begun.
   */
  static open(path: string, job: string, overwrite: boolean): WorkFolder {
    try {
      mkdirSync(join(path, partsFolder), { recursive: true });
    } catch (cause) {
      throw storageFailure('write', path, cause);
    }
    lock(path);
    const known = readText(join(path, jobFile));
    if (known !== undefined && known !== job) {
      if (!overwrite) {
        unlock(path);
        throw new StorageError('Another conversion to this output was begun and is not finished', {
          where: { folder: path },
          next: 'Run its command again to finish it, or pass overwrite: true (--overwrite) to begin anew.',
        });
      }
      for (const name of readdirSync(path)) if (name !== lockFile) remove(path, name);
      mkdirSync(join(path, partsFolder));
    }
    if (known !== job) writeText(join(path, jobFile), job);
    return new WorkFolder(path);
  }

  /** The parts that are whole. All other files go away. */
  async wholeParts(): Promise<Map<number, PartReceipt>> {
    const whole = new Map<number, PartReceipt>();
    const kept = new Set([jobFile, lockFile, partsFolder, publishingFile]);
    const keptFiles = new Set<string>();
    for (const name of readdirSync(this.path).filter((candidate) => /^\d{6,}\.json$/.test(candidate))) {
      const receipt = parseReceipt(readText(join(this.path, name)));
      if (!receipt || receiptName(receipt.number) !== name) continue;
      const intact = await Promise.all(receipt.files.map((file) => isIntact(this.parts, file)));
      if (intact.includes(false)) continue;
      whole.set(receipt.number, receipt);
      kept.add(name);
      for (const file of receipt.files) keptFiles.add(file.name);
    }
    for (const name of readdirSync(this.path)) if (!kept.has(name)) remove(this.path, name);
    for (const name of readdirSync(this.parts)) if (!keptFiles.has(name)) remove(this.parts, name);
    return whole;
  }

  /** Takes away what a job left that was killed when its output had taken its name. */
  static tidy(path: string, job: string): void {
    const known = readText(join(path, jobFile));
    // Without a job it was about to be taken away.
    if (known === undefined || known === job) rmSync(path, { recursive: true, force: true });
  }

  /** Whether a job was killed while its output took its name. */
  static wasPublishing(path: string, job: string): boolean {
    return readText(join(path, publishingFile)) === job;
  }

  /** Says that the output begins to take its name. */
  beginPublishing(job: string): void {
    writeText(join(this.path, publishingFile), job);
  }

  /** Says that a part is whole. */
  accept(receipt: PartReceipt): void {
    writeText(join(this.path, receiptName(receipt.number)), checkedJson(receipt));
  }

  /** Lets go of the folder; the parts stay. */
  release(): void {
    unlock(this.path);
  }

  remove(): void {
    taken.delete(this.path);
    rmSync(this.path, { recursive: true, force: true });
  }
}

function receiptName(part: number): string {
  return `${partName(part)}.json`;
}

function remove(folder: string, name: string): void {
  rmSync(join(folder, name), { recursive: true, force: true });
}

/** Writes a small file whole or not at all. */
export function writeText(path: string, text: string): void {
  const writer = new FileWriter(path);
  writer.append(new TextEncoder().encode(text));
  writer.finish();
  writer.publish();
}

/** @returns `undefined` when it is not there */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function parseReceipt(text: string | undefined): PartReceipt | undefined {
  try {
    const receipt = parseCheckedJson(text ?? '') as Partial<PartReceipt> as PartReceipt;
    return Array.isArray(receipt.files) ? receipt : undefined;
  } catch {
    return undefined;
  }
}

/** Folders that this process is at work in. */
const taken = new Set<string>();

/** A lock whose process is gone is taken over. */
function lock(folder: string): void {
  const path = join(folder, lockFile);
  if (!taken.has(folder) && isAbandoned(path)) rmSync(path, { force: true });
  try {
    const descriptor = openSync(path, 'wx');
    writeSync(descriptor, `${process.pid} ${hostname()}`);
    closeSync(descriptor);
    taken.add(folder);
  } catch (cause) {
    if ((cause as { code?: string }).code !== 'EEXIST') throw storageFailure('write', path, cause);
    const [pid = '?', host = '?'] = (readText(path) ?? '').split(' ');
    throw new StorageError('Another conversion to this output is at work', {
      where: { folder, process: pid, host },
      next: 'Wait for it. If it is gone (a machine that was switched off), remove the file lock in that folder.',
    });
  }
}

function unlock(folder: string): void {
  taken.delete(folder);
  rmSync(join(folder, lockFile), { force: true });
}

/** Whether its process is gone. A number of a process may come again: one that is this process's is of one before it. */
function isAbandoned(path: string): boolean {
  const text = readText(path);
  if (text === undefined) return false;
  const [pid = '', host] = text.split(' ');
  // One without a host was killed while it wrote.
  return (
    host === undefined || (host === hostname() && (Number(pid) === process.pid || !isAlive(Number(pid))))
  );
}
