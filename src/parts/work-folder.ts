import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { checkedJson, parseCheckedJson } from '../core/checked-json.js';
import { StorageError } from '../core/errors.js';
import { errorCode } from '../core/thrown.js';
import { isAlive } from '../storage/cache-lock.js';
import { FileWriter } from '../storage/file-writer.js';
import { storageFailure } from '../storage/storage-failure.js';
import { isIntact } from './checksum.js';
import { type PartReceipt, partName } from './part-receipt.js';

const jobFile = 'job.json';
const lockFile = 'lock';
const partsFolder = 'parts';
/** Marks that a job is renaming its output into place: an existing output is the job's own, or is being replaced. */
const publishingFile = 'publishing';

/**
 * Keeps the parts of unfinished work in a folder beside the output. A part counts if its receipt exists and its files have the checksums
 * of the receipt, so a process killed at any moment leaves whole parts, and leftovers that the next run removes.
 */
export class WorkFolder {
  readonly path: string;
  /** Folder of the parts' files, and of nothing else. */
  readonly parts: string;

  private constructor(path: string) {
    this.path = path;
    this.parts = join(path, partsFolder);
  }

  /**
   * Opens the folder of a job and locks it for this process.
   *
   * @param job - Identifies the job. The same job continues with the parts that exist.
   * @param overwrite - Discards the parts of another job.
   * @throws {@link StorageError} if another process holds the folder, or another job started in it.
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
        throw new StorageError('Another conversion to this output was started and is not finished', {
          where: { folder: path },
          next: 'Run its command again to finish it, or pass overwrite: true (--overwrite) to discard it.',
        });
      }
      for (const name of readdirSync(path)) if (name !== lockFile) remove(path, name);
      mkdirSync(join(path, partsFolder));
    }
    if (known !== job) writeText(join(path, jobFile), job);
    return new WorkFolder(path);
  }

  /** Returns the receipts of the whole parts, by number, and removes all other files. */
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

  /** Removes the leftovers of a job that was killed after its output was renamed into place. */
  static tidy(path: string, job: string): void {
    const known = readText(join(path, jobFile));
    // A folder without a job was being removed.
    if (known === undefined || known === job) rmSync(path, { recursive: true, force: true });
  }

  /** Whether a job was killed while it renamed its output into place. */
  static wasPublishing(path: string, job: string): boolean {
    return readText(join(path, publishingFile)) === job;
  }

  /** Marks that the job starts to rename its output into place. */
  beginPublishing(job: string): void {
    writeText(join(this.path, publishingFile), job);
  }

  /** Writes the receipt of a part, which is then whole. */
  accept(receipt: PartReceipt): void {
    writeText(join(this.path, receiptName(receipt.number)), checkedJson(receipt));
  }

  /** Unlocks the folder and keeps the parts. */
  release(): void {
    unlock(this.path);
  }

  remove(): void {
    locked.delete(this.path);
    rmSync(this.path, { recursive: true, force: true });
  }
}

function receiptName(part: number): string {
  return `${partName(part)}.json`;
}

function remove(folder: string, name: string): void {
  rmSync(join(folder, name), { recursive: true, force: true });
}

/** Writes a small file atomically. */
export function writeText(path: string, text: string): void {
  const writer = new FileWriter(path);
  writer.append(new TextEncoder().encode(text));
  writer.finish();
  writer.publish();
}

/** @returns `undefined` if the file cannot be read */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function parseReceipt(text: string | undefined): PartReceipt | undefined {
  try {
    const receipt = parseCheckedJson<PartReceipt>(text ?? '');
    return Array.isArray(receipt.files) ? receipt : undefined;
  } catch {
    return undefined;
  }
}

/** Folders that this process has locked. */
const locked = new Set<string>();

/** Locks a folder, and takes over the lock of a process that has ended. */
function lock(folder: string): void {
  const path = join(folder, lockFile);
  if (!locked.has(folder) && isAbandoned(path)) rmSync(path, { force: true });
  try {
    const descriptor = openSync(path, 'wx');
    writeSync(descriptor, `${process.pid} ${hostname()}`);
    closeSync(descriptor);
    locked.add(folder);
  } catch (cause) {
    if (errorCode(cause) !== 'EEXIST') throw storageFailure('write', path, cause);
    const [pid = '?', host = '?'] = (readText(path) ?? '').split(' ');
    throw new StorageError('Another conversion to this output is running', {
      where: { folder, process: pid, host },
      next: 'Wait for it to end. If its machine was switched off, remove the file named lock in that folder.',
    });
  }
}

function unlock(folder: string): void {
  locked.delete(folder);
  rmSync(join(folder, lockFile), { force: true });
}

/** Whether the process that wrote a lock has ended. Process ids are reused: this process's own id in a lock is that of an earlier one. */
function isAbandoned(path: string): boolean {
  const text = readText(path);
  if (text === undefined) return false;
  const [pid = '', host] = text.split(' ');
  // A lock without a host was cut off while it was written.
  return (
    host === undefined || (host === hostname() && (Number(pid) === process.pid || !isAlive(Number(pid))))
  );
}
