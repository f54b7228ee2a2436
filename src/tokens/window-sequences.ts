import type { Allocate } from '../core/dataset.js';
import type { TypedArray } from '../core/dtype.js';
import { andThenAll, type MaybePromise } from '../core/maybe-promise.js';
import type { WindowLayouts } from './document-boundaries.js';
import { layoutWithin, type SequenceLayout, type SequenceRange } from './sequence-layout.js';
import { rangesOf, type SequenceSlice } from './sequence-slice.js';
import { allocateSequences, type TokenSequence, writeSegment } from './token-sequence.js';

/** How windows become sequences. */
export interface WindowSequencesOptions {
  /** Tokens of a window. */
  readonly length: number;
  readonly layouts: WindowLayouts;
  readonly shift: boolean;
  readonly padToken: number;
  readonly slice: SequenceSlice | undefined;
  /** Reads tokens `start … start + count - 1` of the stream. */
  readonly read: (start: number, count: number) => MaybePromise<TypedArray>;
}

/** Makes token sequences of windows, and reads no more of them than this rank's ranges and the token after each. */
export class WindowSequences {
  readonly #options: WindowSequencesOptions;
  /** What this rank gets, in the padded window. */
  readonly #ranges: readonly SequenceRange[];

  constructor(options: WindowSequencesOptions) {
    this.#options = options;
    this.#ranges = rangesOf(options.length, options.slice);
  }

  /** Tokens of this rank. */
  get length(): number {
    return this.#ranges.reduce((sum, { start, end }) => sum + end - start, 0);
  }

  /** The ranges to read of a window: start in the window, and tokens. One of padding is empty. */
  get reads(): { readonly start: number; readonly count: number }[] {
    return this.#ranges.map(({ start, end }) => {
      const last = Math.min(end, this.#options.length);
      return { start, count: start < last ? last - start + 1 : 0 };
    });
  }

  /** The sequences of the windows that begin at tokens `starts`: `[L]` for a single one, `[B, L]` for a batch. */
  make(starts: ArrayLike<number>, allocate: Allocate, isBatch: boolean): MaybePromise<TokenSequence> {
    const { reads } = this;
    const read = Array.from(starts, (start) =>
      andThenAll(
        reads.map(({ start: first, count }) =>
          count === 0 ? new Int32Array(0) : this.#options.read(start + first, count),
        ),
        (parts) => parts,
      ),
    );
    return andThenAll(read, (windows) => this.#write(starts, windows, { allocate, isBatch }));
  }

  #write(
    starts: ArrayLike<number>,
    windows: readonly (readonly TypedArray[])[],
    { allocate, isBatch }: { readonly allocate: Allocate; readonly isBatch: boolean },
  ): TokenSequence {
    const { layouts, padToken } = this.#options;
    const wholes = windows.map((parts, k) => layouts.layoutAt(starts[k]!, () => parts[0]!));
    const shape = isBatch ? [starts.length, this.length] : [this.length];
    const ofRank = wholes.map((whole) => layoutWithin(whole, this.#ranges));
    const sequence = allocateSequences(ofRank, { allocate, shape, padToken });
    for (const [k, whole] of wholes.entries()) {
      let at = k * this.length;
      for (const [r, range] of this.#ranges.entries()) {
        this.#fill(sequence, at, layoutWithin(whole, [range]), {
          tokens: windows[k]![r]!,
          range,
          start: starts[k]!,
        });
        at += range.end - range.start;
      }
    }
    return sequence;
  }

  /** Writes the segments of one range. */
  #fill(
    sequence: TokenSequence,
    at: number,
    { segments }: SequenceLayout,
    {
      tokens,
      range,
      start,
    }: { readonly tokens: TypedArray; readonly range: SequenceRange; readonly start: number },
  ): void {
    let offset = 0;
    for (const segment of segments) {
      const first = offset;
      const content = {
        tokens: tokens.subarray(offset, offset + segment.length + (segment.hasNext ? 1 : 0)),
        where: (token: number) => ({ token: start + range.start + first + token - segment.start }),
      };
      writeSegment(sequence, at + offset, segment, { content, shift: this.#options.shift });
      offset += segment.length;
    }
  }
}
