import type { ChatLayout } from './chat-layout.js';
import type { ChatSettings } from './chat-settings.js';
import type { ChatTemplate } from './chat-template.js';
import type { TextTokenizer } from './text-tokenizer.js';

/** A row of fine-tuning data. */
export type ChatRow = Readonly<Record<string, unknown>>;

/** What rows are encoded with. */
export interface ChatEncoding {
  readonly tokenizer: TextTokenizer;
  /** Needed for messages. */
  readonly template: ChatTemplate | undefined;
  readonly layout: ChatLayout;
  readonly settings: ChatSettings;
}

/** A sequence of a row, before it is cut to a length. */
export interface LabeledIds {
  readonly ids: Int32Array;
  /** The id of each token that is trained on, -100 for the others. */
  readonly labels: Int32Array;
  readonly images: readonly unknown[] | undefined;
}

/** Makes samples of one kind from rows. */
export interface ChatReader<T> {
  /** The name under which another thread finds the reader. */
  readonly kind: ChatKind;
  /** Sequences of a sample: 2 for a pair. */
  readonly sequences: number;
  /**
   * Encodes a row, which is nearly all the work of a sample.
   *
   * @throws {@link FormatError} if the row is not as its layout has it.
   */
  encode(row: ChatRow, encoding: ChatEncoding): readonly LabeledIds[];
  /**
   * The sample of a row's sequences, or `undefined` if the row is to be left out.
   *
   * @throws {@link FormatError} if no token is trained on, or a sequence is too long.
   */
  sample(sequences: readonly LabeledIds[], settings: ChatSettings): T | undefined;
  /** Whether rows may be left out, so that opening has to read all of them. */
  leavesOut(settings: ChatSettings): boolean;
  /** What each field is padded with, given the pad token; fields that are not named, with 0. */
  padValues(padToken: number): Readonly<Record<string, number>>;
  /** Tokens of a sample, and how many of them are trained on. */
  count(sample: T): TokenCount;
}

export type ChatKind = 'chat' | 'preference' | 'prompt';

export interface TokenCount {
  readonly tokens: number;
  readonly trained: number;
}
