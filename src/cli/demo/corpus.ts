import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { ConfigError, StorageError } from '../../core/errors.js';
import { integerFrom, parseOptions } from '../../core/options.js';
import {
  type CorpusFile,
  type DocumentKind,
  findPackageText,
  findText,
  nearestNodeModules,
} from './corpus-files.js';

/** One text of the corpus. */
export interface CorpusDocument {
  /** The path from the place where the search began. */
  readonly name: string;
  readonly kind: DocumentKind;
  readonly text: string;
  /** Length on disk, UTF-8. */
  readonly byteLength: number;
}

/** Files that were looked at and left out, by reason. */
export interface SkippedFiles {
  readonly tooLarge: number;
  readonly binary: number;
  readonly minified: number;
  readonly duplicate: number;
}

/** Real text to train on, the same for the same files. */
export interface Corpus {
  /** Sorted by name. */
  readonly documents: readonly CorpusDocument[];
  readonly byteLength: number;
  readonly skipped: SkippedFiles;
  /** The file or folder that was searched. */
  readonly source: string;
}

/** Where the text comes from and how much of it is taken. */
export interface CorpusOptions {
  /** A file or folder of text. @defaultValue the packages installed in the nearest `node_modules` */
  readonly path?: string;
  /** Where the search for `node_modules` begins, upwards. @defaultValue the working directory */
  readonly root?: string;
  /** Stop after about this much text: the file that crosses the limit is still taken. @defaultValue `2_500_000` */
  readonly byteLimit?: number;
  /** Files above this are left out; half of the limit's worth of one file would be one voice. @defaultValue `200_000` */
  readonly fileByteLimit?: number;
  /** Called after each file that is taken, with the bytes so far. */
  readonly onFile?: (name: string, byteLength: number) => void;
}

const optionsSchema = v.strictObject({
  path: v.optional(v.string()),
  root: v.optional(v.string()),
  byteLimit: v.optional(integerFrom(1), 2_500_000),
  fileByteLimit: v.optional(integerFrom(1), 200_000),
  onFile: v.optional(v.function()),
});

/**
 * Reads real text: declaration files and documentation of the installed packages in equal parts, or whatever is at
 * `path`. Packages take turns, so that one large package does not fill the corpus. Binary, minified and very large files
 * and repeated contents are left out.
 *
 * @returns The same documents in the same order for the same files.
 * @throws {@link StorageError} when `path` does not exist or a file cannot be read.
 * @throws {@link ConfigError} when there is no text at all.
 */
export async function collectCorpus(options: CorpusOptions = {}): Promise<Corpus> {
  const { path, root, byteLimit, fileByteLimit } = parseOptions('Corpus options', optionsSchema, options);
  const { source, files } = await candidates(path, root ?? process.cwd());
  const reader = new CorpusReader(fileByteLimit, options.onFile);
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
    throw new ConfigError(
      'No text to train on',
      [{ field: '--data', message: 'there is no node_modules here' }],
      {
        where: { root },
        next: 'Run npm install, or name a text file or a folder of text: --data ./my-notes.',
      },
    );
  }
  return { source, files: await findPackageText(source) };
}

/** The files of every group in turn: first of each group, second of each group and so on. */
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
    const bytes = await readFile(file.path).catch((cause: unknown) => {
      throw new StorageError('A text file cannot be read', {
        where: { file: file.path },
        next: 'Check that you may read it, or move it out of the folder.',
        cause,
      });
    });
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

/** Empty files count as binary: there is nothing to read in them. */
function isBinary(bytes: Buffer): boolean {
  if (bytes.length === 0 || bytes.includes(0)) return true;
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return false;
  } catch {
    return true;
  }
}

/** Text that people wrote has lines; generated text has few and long ones. */
function isMinified(bytes: Buffer): boolean {
  let lines = 1;
  for (const byte of bytes) if (byte === 0x0a) lines++;
  return bytes.length > 4_096 && bytes.length / lines > 300;
}

function emptyCorpus(source: string, found: number, skipped: SkippedFiles): ConfigError {
  const reasons = Object.entries(skipped).filter(([, count]) => count > 0);
  const counts = reasons.map(([reason, count]) => `${count} ${reason}`).join(', ');
  const message = found === 0 ? 'no file found' : `none of ${found} files holds text (${counts})`;
  return new ConfigError('No text to train on', [{ field: '--data', message }], {
    where: { path: source },
    next: 'Name a text file or a folder of text: --data ./my-notes.',
  });
}
