import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import {
  type CorpusFile,
  type DocumentKind,
  findPackageText,
  findText,
  nearestNodeModules,
} from './corpus-files.js';
import { UserError } from './user-error.js';

/** One text of the corpus. */
export interface CorpusDocument {
  /** Path relative to the searched folder. */
  readonly name: string;
  readonly kind: DocumentKind;
  readonly text: string;
  /** Length on disk, UTF-8. */
  readonly byteLength: number;
}

/** Number of files left out, by reason. */
export interface SkippedFiles {
  readonly tooLarge: number;
  readonly binary: number;
  readonly minified: number;
  readonly duplicate: number;
}

/** Text to train on. The same files make the same corpus. */
export interface Corpus {
  /** Sorted by name. */
  readonly documents: readonly CorpusDocument[];
  readonly byteLength: number;
  readonly skipped: SkippedFiles;
  /** The file or folder that was searched. */
  readonly source: string;
}

/** Which text to collect, and how much of it. */
export interface CorpusOptions {
  /** A text file or folder. @defaultValue the packages in the nearest `node_modules` */
  readonly path?: string;
  /** The folder from which to search upwards for `node_modules`. @defaultValue the working directory */
  readonly root?: string;
  /** Stops after the file that reaches this many bytes. @defaultValue `2_500_000` */
  readonly byteLimit?: number;
  /** Larger files are left out, so that no file dominates the corpus. @defaultValue `200_000` */
  readonly fileByteLimit?: number;
  /** Called after each file added, with the total bytes so far. */
  readonly onFile?: (name: string, byteLength: number) => void;
}

/**
 * Collects text: declaration files and documentation of the installed packages in equal parts, or the files at `path`.
 * Takes files from each package in turn, so that one large package does not fill the corpus. Leaves out binary, minified,
 * very large and duplicate files.
 *
 * @returns The documents, sorted by name.
 * @throws {@link UserError} if `path` cannot be read or contains no text.
 */
export async function collectCorpus({
  path,
  root = process.cwd(),
  byteLimit = 2_500_000,
  fileByteLimit = 200_000,
  onFile,
}: CorpusOptions = {}): Promise<Corpus> {
  const { source, files } = await candidates(path, root);
  const reader = new CorpusReader(fileByteLimit, onFile);
  const kinds = [...new Set(files.map(({ kind }) => kind))].sort();
  for (const [position, kind] of kinds.entries()) {
    const share = (byteLimit - reader.byteLength) / (kinds.length - position);
    const limit = reader.byteLength + share;
    for (const file of inTurns(files.filter((candidate) => candidate.kind === kind))) {
      if (reader.byteLength >= limit) break;
      await reader.read(file);
    }
  }
  if (reader.documents.length === 0) throw emptyCorpus(source, files.length, reader.skipped);
  return {
    documents: reader.documents.sort((a, b) => (a.name < b.name ? -1 : 1)),
    byteLength: reader.byteLength,
    skipped: reader.skipped,
    source,
  };
}

async function candidates(path: string | undefined, root: string) {
  if (path !== undefined) return { source: path, files: await findText(path) };
  const source = await nearestNodeModules(root);
  if (source === undefined) {
    throw new UserError(
      `There is no node_modules at or above ${root}. Run npm install, or pass a text file or folder: --data my-notes`,
    );
  }
  return { source, files: await findPackageText(source) };
}

/** Files by round-robin over groups. */
function* inTurns(files: readonly CorpusFile[]): Generator<CorpusFile> {
  const groups = new Map<string, CorpusFile[]>();
  for (const file of files) {
    const group = groups.get(file.group);
    if (group) group.push(file);
    else groups.set(file.group, [file]);
  }
  const rounds = Math.max(0, ...[...groups.values()].map(({ length }) => length));
  for (let round = 0; round < rounds; round++) {
    for (const group of groups.values()) {
      const file = group[round];
      if (file) yield file;
    }
  }
}

class CorpusReader {
  readonly documents: CorpusDocument[] = [];
  readonly skipped = { tooLarge: 0, binary: 0, minified: 0, duplicate: 0 };
  byteLength = 0;
  readonly #fileByteLimit: number;
  readonly #onFile: CorpusOptions['onFile'];
  readonly #seen = new Set<string>();

  constructor(fileByteLimit: number, onFile: CorpusOptions['onFile']) {
    this.#fileByteLimit = fileByteLimit;
    this.#onFile = onFile;
  }

  async read(file: CorpusFile): Promise<void> {
    if (file.byteLength > this.#fileByteLimit) {
      this.skipped.tooLarge++;
      return;
    }
    const bytes = await readFile(file.path);
    const reason = this.#reasonToSkip(bytes);
    if (reason) {
      this.skipped[reason]++;
      return;
    }
    this.documents.push({
      name: file.name,
      kind: file.kind,
      text: bytes.toString('utf8'),
      byteLength: bytes.length,
    });
    this.byteLength += bytes.length;
    this.#onFile?.(file.name, this.byteLength);
  }

  #reasonToSkip(bytes: Buffer): 'binary' | 'minified' | 'duplicate' | undefined {
    if (isBinary(bytes)) return 'binary';
    if (isMinified(bytes)) return 'minified';
    const digest = createHash('sha256').update(bytes).digest('base64');
    if (this.#seen.has(digest)) return 'duplicate';
    this.#seen.add(digest);
    return undefined;
  }
}

/** Empty files count as binary. */
function isBinary(bytes: Buffer): boolean {
  if (bytes.length === 0 || bytes.includes(0)) return true;
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return false;
  } catch {
    return true;
  }
}

/** Generated text has few, long lines. */
function isMinified(bytes: Buffer): boolean {
  let lines = 1;
  for (const byte of bytes) if (byte === 0x0a) lines++;
  return bytes.length > 4_096 && bytes.length / lines > 300;
}

function emptyCorpus(source: string, found: number, skipped: SkippedFiles): UserError {
  const reasons = Object.entries(skipped).filter(([, count]) => count > 0);
  const counts = reasons.map(([reason, count]) => `${count} ${reason}`).join(', ');
  const problem = found === 0 ? 'it has no files' : `none of its ${found} files is text (${counts})`;
  return new UserError(
    `${source} has no text to train on: ${problem}. Pass a text file or folder: --data my-notes`,
  );
}
