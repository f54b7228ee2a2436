import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { FormatError } from '../../core/errors.js';
import { type CorpusFile, findText } from '../demo/corpus-files.js';

/** A text with how much input has been read up to its end. */
export interface SourceDocument {
  readonly text: string;
  readonly bytesRead: number;
}

/** Files that inputs stand for, with their size altogether. */
export interface SourceFiles {
  readonly files: readonly CorpusFile[];
  readonly byteLength: number;
}

/** @throws {@link StorageError} for an input that does not exist, {@link FormatError} when there is no file at all. */
export async function findSources(inputs: readonly string[]): Promise<SourceFiles> {
  const files = (await Promise.all(inputs.map(findText))).flat();
  if (files.length === 0) {
    throw new FormatError('There is no file to convert', {
      where: { inputs: inputs.join(', ') },
      next: 'Name text or .jsonl files, or a folder that holds some.',
    });
  }
  return { files, byteLength: files.reduce((sum, { byteLength }) => sum + byteLength, 0) };
}

/**
 * The documents of files in order: each line of a `.jsonl` file is one, any other file is one as a whole.
 *
 * @param field - The field of a JSON line that holds its text.
 * @throws {@link FormatError} naming file and line when a line is no JSON or has no such text.
 */
export async function* readDocuments(
  files: readonly CorpusFile[],
  field: string,
): AsyncGenerator<SourceDocument> {
  let bytesBefore = 0;
  for (const { path, byteLength } of files) {
    if (!path.endsWith('.jsonl')) {
      yield { text: await readFile(path, 'utf8'), bytesRead: bytesBefore + byteLength };
    } else {
      let bytes = 0;
      let line = 0;
      for await (const json of createInterface({
        input: createReadStream(path),
        crlfDelay: Number.POSITIVE_INFINITY,
      })) {
        line += 1;
        bytes += Buffer.byteLength(json) + 1;
        if (json.trim() !== '')
          yield { text: textOf(json, field, path, line), bytesRead: bytesBefore + bytes };
      }
    }
    bytesBefore += byteLength;
  }
}

function textOf(json: string, field: string, file: string, line: number): string {
  const where = { file, line };
  let record: unknown;
  try {
    record = JSON.parse(json);
  } catch (cause) {
    throw new FormatError('A line is no JSON', { where, next: 'Mend or remove the line.', cause });
  }
  const text = (record as Record<string, unknown> | null)?.[field];
  if (typeof text === 'string') return text;
  const fields =
    typeof record === 'object' && record !== null ? Object.keys(record).join(', ') : typeof record;
  throw new FormatError(`A line has no text in the field ${field}`, {
    where: { ...where, fields },
    next: 'Name the field that holds the text with --field.',
  });
}
