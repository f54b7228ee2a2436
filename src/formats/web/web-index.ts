import { PathList } from '../records/path-list.js';
import type { RecordReader } from '../records/record-reader.js';
import { SharedNumbers } from '../records/shared-numbers.js';
import { type WebMember, walkSamples } from './web-samples.js';

/** Offsets of the files of a shard's samples, in shared memory. */
export interface WebIndexArrays {
  readonly keys: { readonly text: Uint8Array; readonly ends: Float64Array };
  /** Shape `[n]`: number of files up to and including each sample. */
  readonly memberEnds: Float64Array;
  /** Shape `[files, 3]`: position of the ending in `endings`, offset of the first byte, offset of the end. */
  readonly members: Float64Array;
  readonly endings: readonly string[];
}

/** The samples of a tar shard: 24 bytes per file, and their names. */
export class WebIndex {
  readonly arrays: WebIndexArrays;
  readonly #keys: PathList;

  constructor(arrays: WebIndexArrays) {
    this.arrays = arrays;
    this.#keys = new PathList(arrays.keys.text, arrays.keys.ends);
  }

  /** Reads all headers of a shard. */
  static async read(reader: RecordReader): Promise<WebIndex> {
    const keys: string[] = [];
    const endings = new Map<string, number>();
    const memberEnds = new SharedNumbers();
    const members = new SharedNumbers();
    for await (const sample of walkSamples(reader)) {
      keys.push(sample.key);
      for (const { ending, start, end } of sample.members) {
        const known = endings.get(ending) ?? endings.size;
        endings.set(ending, known);
        members.push(known);
        members.push(start);
        members.push(end);
      }
      memberEnds.push(members.length / 3);
    }
    return new WebIndex({
      keys: PathList.from(keys).shared(),
      memberEnds: memberEnds.shared(),
      members: members.shared(),
      endings: [...endings.keys()],
    });
  }

  get length(): number {
    return this.arrays.memberEnds.length;
  }

  at(sample: number): { readonly key: string; readonly members: readonly WebMember[] } {
    const { memberEnds, members, endings } = this.arrays;
    const found: WebMember[] = [];
    for (let k = sample === 0 ? 0 : memberEnds[sample - 1]!; k < memberEnds[sample]!; k++) {
      found.push({ ending: endings[members[3 * k]!]!, start: members[3 * k + 1]!, end: members[3 * k + 2]! });
    }
    return { key: this.#keys.at(sample), members: found };
  }
}
