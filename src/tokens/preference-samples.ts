import type { ChatReader } from './chat-reader.js';
import { type ChatSample, chatPadValues, countSample, partOf, tooLong, trainedIn } from './chat-samples.js';
import { preferencePairOf } from './conversation.js';
import { labelChat } from './labeled-chat.js';

/** Two answers to one prompt. Both sequences start with the tokens of the prompt, whose labels are -100. */
export interface PreferenceSample {
  readonly chosen: ChatSample;
  readonly rejected: ChatSample;
}

/** Reads rows as {@link PreferenceSample}s. */
export const preferenceReader: ChatReader<PreferenceSample> = {
  kind: 'preference',
  sequences: 2,
  encode: (row, encoding) => preferencePairOf(row).map((answer) => labelChat(answer, encoding)),
  sample(sequences, settings) {
    const longest = Math.max(...sequences.map(({ ids }) => ids.length));
    const { maxLength = longest, truncate } = settings;
    if (longest > maxLength && truncate === 'drop') return undefined;
    if (longest > maxLength && truncate === 'error') throw tooLong(longest, maxLength);
    // Both lose the same tokens of the prompt, so that they still share it.
    const start = truncate === 'left' ? Math.max(0, longest - maxLength) : 0;
    const [chosen, rejected] = sequences.map((answer) => partOf(answer, start, start + maxLength, settings));
    return chosen && rejected && saysSomething({ chosen, rejected }) ? { chosen, rejected } : undefined;
  },
  leavesOut: () => true,
  padValues: chatPadValues,
  count({ chosen, rejected }) {
    const [a, b] = [countSample(chosen), countSample(rejected)];
    return { tokens: a.tokens + b.tokens, trained: a.trained + b.trained };
  },
};

/** Whether both answers have tokens that are trained on, and differ. */
function saysSomething({ chosen, rejected }: PreferenceSample): boolean {
  if (trainedIn(chosen.labels) === 0 || trainedIn(rejected.labels) === 0) return false;
  return (
    chosen.inputIds.length !== rejected.inputIds.length ||
    chosen.inputIds.some((id, k) => id !== rejected.inputIds[k])
  );
}
