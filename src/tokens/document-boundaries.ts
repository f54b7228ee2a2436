import * as v from 'valibot';
import { ConfigError } from '../core/errors.js';
import { firstAbove } from '../core/first-above.js';
import { groupEnds } from '../core/sort-by-value.js';
import { isTensor } from '../core/tensor.js';
import { layoutOf, type SequenceLayout } from './sequence-layout.js';
import type { AnyTokenSource } from './token-source.js';

/** Where the documents of a stream of tokens end. */
export type DocumentBoundaries = 'stored' | 'none' | { readonly endToken: number };

/** An option that is {@link DocumentBoundaries}. */
export const documentBoundariesSchema = v.union(
  [
    v.picklist(['stored', 'none']),
    v.strictObject({
      endToken: v.pipe(
        v.number(),
        v.check((token) => Number.isSafeInteger(token)),
      ),
    }),
  ],
  "must be 'stored', 'none' or { endToken: a token id }",
);

/** Finds the documents of a window. */
export interface WindowLayouts {
  /** @param tokens - The window and the token after it. */
  layoutAt(start: number, tokens: () => ArrayLike<number | bigint>): SequenceLayout;
  /** Whether the documents of a part of a window can be found without reading the rest of it. */
  readonly isStored: boolean;
}

/**
 * Selects how the documents of windows of `length` tokens are found.
 *
 * @throws {@link ConfigError} if their lengths are not stored.
 */
export function windowLayouts(
  source: AnyTokenSource,
  length: number,
  documentEnds: DocumentBoundaries,
): WindowLayouts {
  if (documentEnds === 'none')
    return { isStored: true, layoutAt: () => layoutOf([length], { goesOn: true }) };
  if (documentEnds === 'stored') return new StoredLayouts(sizesOf(source), length);
  const { endToken } = documentEnds;
  return { isStored: false, layoutAt: (_, tokens) => layoutByToken(tokens(), length, endToken) };
}

/** Documents whose lengths the source stores. */
class StoredLayouts implements WindowLayouts {
  readonly isStored = true;
  readonly #ends: Float64Array;
  readonly #length: number;

  constructor(sizes: ArrayLike<number>, length: number) {
    this.#ends = groupEnds(sizes);
    this.#length = length;
  }

  layoutAt(start: number): SequenceLayout {
    const end = start + this.#length;
    const lengths: number[] = [];
    let document = firstAbove(this.#ends, start);
    for (let at = start; at < end; document++) {
      const next = Math.min(this.#ends[document]!, end);
      if (next > at) lengths.push(next - at);
      at = next;
    }
    return layoutOf(lengths, { goesOn: this.#ends[document - 1]! > end });
  }
}

/** Documents that end with a token, which belongs to them. */
function layoutByToken(tokens: ArrayLike<number | bigint>, length: number, endToken: number): SequenceLayout {
  const lengths: number[] = [];
  let start = 0;
  for (let k = 0; k < length; k++) {
    if (Number(tokens[k]!) !== endToken) continue;
    lengths.push(k + 1 - start);
    start = k + 1;
  }
  const goesOn = start < length;
  if (goesOn) lengths.push(length - start);
  return layoutOf(lengths, { goesOn });
}

function sizesOf(source: AnyTokenSource): ArrayLike<number> {
  const sizes = isTensor(source) ? undefined : source.sizes;
  if (sizes) return sizes;
  const message =
    "is 'stored', but the source does not say how long its documents are (sizes): pass { endToken } or 'none'";
  throw new ConfigError('TokenWindows options', [{ field: 'documentEnds', message }]);
}
