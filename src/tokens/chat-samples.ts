import { FormatError } from '../core/errors.js';
import { lastOf } from '../core/last-of.js';
import { ignoredLabel } from './chat-labels.js';
import type { ChatReader, LabeledIds, TokenCount } from './chat-reader.js';
import type { ChatSettings } from './chat-settings.js';
import { conversationOf } from './conversation.js';
import { labelChat } from './labeled-chat.js';

/** A conversation as token ids, with the labels that the loss compares with. Both have shape [length]. */
export interface ChatSample {
  readonly inputIds: Int32Array;
  /** The id to predict, or -100 where the loss ignores the token. */
  readonly labels: Int32Array;
  /** Shape [length]: the weight of each label in the loss; 0 where the loss ignores the token. Present with `lossWeights`. */
  readonly lossWeights?: Float32Array;
  /** Paths, URLs or bytes of the images that the conversation shows, in order. Present if the row has images. */
  readonly images?: readonly unknown[];
}

/** Reads rows as {@link ChatSample}s. */
export const chatReader: ChatReader<ChatSample> = {
  kind: 'chat',
  sequences: 1,
  encode: (row, encoding) => [labelChat(conversationOf(row, encoding.layout), encoding)],
  sample(sequences, settings) {
    const sequence = lastOf(sequences);
    const { length } = sequence.ids;
    const { maxLength = length, truncate } = settings;
    if (length > maxLength && truncate === 'drop') return undefined;
    if (length > maxLength && truncate === 'error') throw tooLong(length, maxLength);
    const start = truncate === 'left' ? Math.max(0, length - maxLength) : 0;
    const sample = partOf(sequence, start, start + maxLength, settings);
    if (trainedIn(sample.labels) === 0) throw nothingTrained(length > maxLength);
    return sample;
  },
  leavesOut: ({ maxLength, truncate }) => truncate === 'drop' && maxLength !== undefined,
  padValues: chatPadValues,
  count: countSample,
};

/** The tokens `start … end - 1` of a conversation as a sample. Labels are shifted before they are cut. */
export function partOf(
  { ids, labels, images }: LabeledIds,
  start: number,
  end: number,
  { shift, lossWeights }: Pick<ChatSettings, 'shift' | 'lossWeights'>,
): ChatSample {
  const kept = (shift ? shifted(labels) : labels).slice(start, end);
  return {
    inputIds: ids.slice(start, end),
    labels: kept,
    ...(lossWeights && { lossWeights: weightsOf(kept, lossWeights) }),
    ...(images && { images }),
  };
}

function weightsOf(labels: Int32Array, by: 'token' | 'document'): Float32Array {
  const weight = by === 'token' ? 1 : 1 / Math.max(1, trainedIn(labels));
  return Float32Array.from(labels, (label) => (label === ignoredLabel ? 0 : weight));
}

export function countSample({ inputIds, labels }: ChatSample): TokenCount {
  return { tokens: inputIds.length, trained: trainedIn(labels) };
}

/** What ids and labels are padded with. */
export function chatPadValues(inputIds: number) {
  return { inputIds, labels: ignoredLabel };
}

/** Number of tokens with a label. */
export function trainedIn(labels: Int32Array): number {
  let trained = 0;
  for (let k = 0; k < labels.length; k++) if (labels[k] !== ignoredLabel) trained += 1;
  return trained;
}

function shifted(labels: Int32Array): Int32Array {
  const next = new Int32Array(labels.length).fill(ignoredLabel);
  next.set(labels.subarray(1));
  return next;
}

export function tooLong(length: number, maxLength: number): FormatError {
  return new FormatError(`The conversation has ${length} tokens, more than maxLength, ${maxLength}`, {
    where: { tokens: length, maxLength },
    next: 'Raise maxLength, or set truncate to cut or drop such conversations.',
  });
}

function nothingTrained(truncated: boolean): FormatError {
  return new FormatError(
    truncated
      ? 'Truncation removed every token that would be trained on'
      : 'No token of the conversation would be trained on',
    {
      next: truncated
        ? "Raise maxLength, or set truncate to 'left' to keep the end."
        : "Give the conversation an assistant turn, or set trainOn to 'all'.",
    },
  );
}
