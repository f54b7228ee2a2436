import type { SampleOrigin } from './sample-origin.js';

/** What was delivered of one pass over a source. */
export interface SourceTotal {
  /** The source; see {@link SampleOrigin}. */
  readonly source: number;
  readonly pass: number;
  /** Samples; of packed rows and windows, the documents that begin in them. */
  readonly samples: number;
  /** Tokens without padding. */
  readonly tokens: number;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Passes of a source that are counted apart; later ones are counted with the last, so that a long run needs no more memory. */
const mostPasses = 1_000;

/** Sums samples and tokens by source and pass. */
export class SourceTotals {
  readonly #totals = new Map<string, Writable<SourceTotal>>();

  add(origins: readonly SampleOrigin[]): void {
    for (const origin of origins) {
      const { source, pass, tokens, documents } = origin;
      if (!documents) this.#count(source, pass, 1, tokens);
      else for (const of of documents) this.#count(of.source, of.pass, of.start === 0 ? 1 : 0, of.tokens);
    }
  }

  clear(): void {
    this.#totals.clear();
  }

  /** By source, then by pass. */
  list(): SourceTotal[] {
    return Array.from(this.#totals.values(), (total) => ({ ...total })).sort(
      (a, b) => a.source - b.source || a.pass - b.pass,
    );
  }

  #count(source: number, pass: number, samples: number, tokens: number): void {
    const counted = Math.min(pass, mostPasses - 1);
    const key = `${source} ${counted}`;
    let total = this.#totals.get(key);
    if (!total) {
      total = { source, pass: counted, samples: 0, tokens: 0 };
      this.#totals.set(key, total);
    }
    total.samples += samples;
    total.tokens += tokens;
  }
}
