import { FormatError } from '../../core/errors.js';
import type { RecordReader } from '../records/record-reader.js';
import { nextTarMember } from './tar-walk.js';

/** A file of a sample. */
export interface WebMember {
  /** The name after the first dot, in lower case: `jpg`, `seg.png`. */
  readonly ending: string;
  readonly start: number;
  readonly end: number;
}

/** Consecutive files with the same name up to the first dot. */
export interface WebSample {
  readonly key: string;
  readonly members: readonly WebMember[];
  /** Offset at which the archive continues. */
  readonly next: number;
}

/**
 * The samples of a tar shard from an offset on, without their content.
 *
 * @throws {@link FormatError} if the archive is damaged or a sample has an ending twice; {@link TruncatedFileError}.
 */
export async function* walkSamples(reader: RecordReader, from = 0): AsyncGenerator<WebSample> {
  let key: string | undefined;
  let members: WebMember[] = [];
  let endings = new Set<string>();
  let at = from;
  for (;;) {
    const member = await nextTarMember(reader, at);
    if (!member) break;
    const [, name, ending] = /^((?:.*\/)?[^/.]*)\.([^/]*)$/s.exec(member.name) ?? [];
    // Hidden files, and files without an ending, are left by tools and are not samples.
    if (name !== undefined && ending && !/(^|\/)$/.test(name)) {
      if (name !== key) {
        if (key !== undefined) yield { key, members, next: at };
        key = name;
        members = [];
        endings = new Set();
      }
      const lower = ending.toLowerCase();
      if (endings.has(lower)) {
        throw new FormatError(`The sample ${name} has two files with the ending ${ending}`, {
          where: { file: reader.source.name, byteOffset: at },
          next: 'Store the files of a sample next to each other, with one name and different endings.',
        });
      }
      endings.add(lower);
      members.push({ ending: lower, start: member.start, end: member.end });
    }
    at = member.next;
  }
  if (key !== undefined) yield { key, members, next: at };
}
