import type { PartCursor } from './part-cursor.js';

/** Receives the output of a merge. */
export interface MergedRows {
  /** Ids of the current row, counted from `firstId`. */
  addIds(ids: Uint32Array, firstId: number): void;
  /** Ends a row: all ids of its value have been passed. */
  endRow(value: number): void;
}

/**
 * Merges sorted parts, ascending in value, then in id (parts are in the order of their ids). O(rows · log parts +
 * samples) time; memory is that of the cursors.
 *
 * @param cursors - One per part, in the order of the samples, each with at least one row.
 * @param onSamples - Called with the number of ids passed since the last call.
 */
export async function mergeParts(
  cursors: readonly PartCursor[],
  out: MergedRows,
  onSamples: (samples: number) => void,
): Promise<void> {
  await Promise.all(cursors.map((cursor) => cursor.next()));
  const heap = new CursorHeap(cursors);
  let done = 0;
  for (let cursor = heap.first; cursor; cursor = heap.first) {
    const { value, firstId } = cursor;
    for (let left = cursor.count; left > 0; ) {
      const taken = cursor.takeIds(left);
      const ids = taken instanceof Promise ? await taken : taken;
      out.addIds(ids, firstId);
      left -= ids.length;
      done += ids.length;
    }
    if (done >= 1 << 16) {
      onSamples(done);
      done = 0;
    }
    const more = cursor.next();
    if (more instanceof Promise ? await more : more) heap.sink();
    else heap.removeFirst();
    if (heap.first?.value !== value) out.endRow(value);
  }
  onSamples(done);
}

/** A binary heap of cursors by value, then by part. */
class CursorHeap {
  readonly #cursors: PartCursor[];

  constructor(cursors: readonly PartCursor[]) {
    this.#cursors = [...cursors].sort((a, b) => (precedes(a, b) ? -1 : 1));
  }

  get first(): PartCursor | undefined {
    return this.#cursors[0];
  }

  /** Restores the heap order after the value of the first cursor has grown. */
  sink(): void {
    const cursors = this.#cursors;
    const sinking = cursors[0]!;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= cursors.length) break;
      if (child + 1 < cursors.length && precedes(cursors[child + 1]!, cursors[child]!)) child++;
      if (precedes(sinking, cursors[child]!)) break;
      cursors[at] = cursors[child]!;
      at = child;
    }
    cursors[at] = sinking;
  }

  removeFirst(): void {
    const last = this.#cursors.pop()!;
    if (this.#cursors.length === 0) return;
    this.#cursors[0] = last;
    this.sink();
  }
}

function precedes(a: PartCursor, b: PartCursor): boolean {
  return a.value < b.value || (a.value === b.value && a.part < b.part);
}
