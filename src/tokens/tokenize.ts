import * as v from 'valibot';
import { ConfigError, FormatError } from '../core/errors.js';
import { fingerprint } from '../core/fingerprint.js';
import { andThen, type MaybePromise } from '../core/maybe-promise.js';
import { booleanOption, parseOptions } from '../core/options.js';
import { type MakeFromRecipe, type Movable, type Recipe, recipeOf, toRecipe } from '../core/recipe.js';
import { isRecord, ownValue } from '../core/record.js';
import type { Tensor } from '../core/tensor.js';
import {
  isTokenizerChoice,
  resolveTokenizer,
  type Tokenizer,
  type TokenizerChoice,
  type TokenizerName,
  tokenizerIdentity,
  tokenizerNames,
} from './tokenizer.js';

export interface TokenizeOptions {
  /** The tokenizer: a name, `workerFunction(new URL('./tokenizer.js', import.meta.url))`, or a function, which stays on its thread. */
  readonly tokenizer: TokenizerChoice;
  /** The field that holds the text, unless a sample is a string. @defaultValue `'text'` */
  readonly field?: string;
  /** Whether to append the tokenizer's end-of-text token to each text. @defaultValue `false` */
  readonly appendEndOfText?: boolean;
}

/** Maps a sample to its tokens, shape `[n]`. */
export interface Tokenize extends Movable {
  (sample: unknown): MaybePromise<Tensor<'int32'>>;
  /** Identifies the tokenizer by name, and the options. */
  fingerprint(): string;
}

const schema = v.strictObject({
  tokenizer: v.custom<TokenizerChoice>(
    isTokenizerChoice,
    `must be one of ${tokenizerNames.join(', ')}, a function from text to ids, or workerFunction(…)`,
  ),
  field: v.optional(v.string('must be a name'), 'text'),
  appendEndOfText: v.optional(booleanOption, false),
});

/** The arguments from which another thread rebuilds the function. */
interface TokenizeRecipe {
  readonly tokenizer: TokenizerName | Recipe;
  readonly field: string;
  readonly appendEndOfText: boolean;
}

/**
 * Tokenizes text on the fly: pass the function to `MapDataset`, or as the transform of a loader. It moves to workers unless
 * `tokenizer` is a function.
 *
 * ```ts
 * const texts = await JsonlDataset.open('data/*.jsonl');
 * const documents = new MapDataset(texts, tokenize({ tokenizer: 'cl100k_base' }));
 * ```
 *
 * The function throws {@link MissingPeerError} if gpt-tokenizer is not installed, and {@link FormatError} for a sample without text.
 *
 * @throws {@link ConfigError}
 */
export function tokenize(options: TokenizeOptions): Tokenize {
  const { tokenizer, field, appendEndOfText } = parseOptions('tokenize options', schema, options);
  let loaded: MaybePromise<Tokenizer> | undefined;
  const load = async (): Promise<Tokenizer> => {
    const found = await resolveTokenizer(tokenizer);
    if (appendEndOfText && found.endOfText === undefined) throw noEndOfText(tokenizer);
    loaded = found;
    return found;
  };
  const run = (sample: unknown): MaybePromise<Tensor<'int32'>> => {
    const text = textOf(sample, field);
    loaded ??= load();
    return andThen(loaded, (ready) =>
      tokensOf(ready.encode(text), appendEndOfText ? ready.endOfText : undefined),
    );
  };
  return Object.assign(run, {
    fingerprint: () =>
      fingerprint({ kind: 'tokenize', tokenizer: tokenizerIdentity(tokenizer), field, appendEndOfText }),
    [toRecipe]: (): Recipe => {
      const named = typeof tokenizer === 'string' ? tokenizer : recipeOf(tokenizer, 'tokenizer');
      const args: TokenizeRecipe = { tokenizer: named, field, appendEndOfText };
      return { builtIn: 'tokenize', args };
    },
  });
}

/** Rebuilds the function in another thread. */
export const tokenizeFromRecipe = {
  async fromRecipe({ tokenizer, ...options }: TokenizeRecipe, make: MakeFromRecipe): Promise<Tokenize> {
    const made = typeof tokenizer === 'string' ? tokenizer : await make<TokenizerChoice>(tokenizer);
    return tokenize({ tokenizer: made, ...options });
  },
};

/** @throws {@link FormatError} */
export function textOf(sample: unknown, field: string): string {
  if (typeof sample === 'string') return sample;
  const text = isRecord(sample) ? ownValue(sample, field) : undefined;
  if (typeof text === 'string') return text;
  throw new FormatError(`The sample has no text in the field ${field}`, {
    where: isRecord(sample) ? { fields: Object.keys(sample).join(', ') } : { sample: typeof sample },
    next: 'Name the field that holds the text with { field: … } (--field).',
  });
}

function tokensOf(ids: ArrayLike<number>, last: number | undefined): Tensor<'int32'> {
  const data = new Int32Array(ids.length + (last === undefined ? 0 : 1));
  data.set(ids);
  if (last !== undefined) data[ids.length] = last;
  return { dtype: 'int32', shape: [data.length], data };
}

function noEndOfText(tokenizer: TokenizerChoice): ConfigError {
  return new ConfigError('tokenize options', [
    {
      field: 'appendEndOfText',
      message: `the tokenizer ${tokenizerIdentity(tokenizer)} has no end-of-text token; export an object with endOfText, or leave it out`,
    },
  ]);
}
