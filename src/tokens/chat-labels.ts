import { FormatError } from '../core/errors.js';
import type { ChatMessage, ChatTemplate } from './chat-template.js';
import type { TokenSpans } from './token-engine.js';

/** Which part of a conversation contributes to the loss. */
export type TrainOn = 'assistant' | 'last' | 'all';

/** A label that the loss ignores, as in PyTorch and Hugging Face. */
export const ignoredLabel = -100;

/** A part of a text, [start, end) in UTF-16 positions. */
export type TextRange = readonly [start: number, end: number];

interface ChatToMask {
  readonly template: ChatTemplate;
  readonly messages: readonly ChatMessage[];
  readonly tools: readonly unknown[] | undefined;
  /** Messages before this one are a prompt, which only `'all'` trains on. */
  readonly promptLength: number;
  /** Further variables of the template. */
  readonly variables: Readonly<Record<string, unknown>>;
  readonly trainOn: TrainOn;
  /** The token that ends a turn, if the tokenizer names one. */
  readonly eosToken: string | undefined;
}

/** A conversation as text, with the parts of it that are trained on. */
export interface MaskedChat {
  readonly text: string;
  readonly trained: readonly TextRange[];
}

/**
 * Renders a conversation and finds what is trained on: the `{% generation %}` blocks of the template if it has them, otherwise
 * what each assistant turn adds to the rendered text of the messages before it.
 *
 * @throws {@link FormatError} if the template rewrites earlier messages when later ones follow, so that a turn cannot be
 *   found by its prefix; it names the turn.
 */
export function maskChat(chat: ChatToMask): MaskedChat {
  const { template, messages, promptLength, trainOn, eosToken } = chat;
  const render = (length: number, addGenerationPrompt: boolean) =>
    renderStart(chat, length, addGenerationPrompt);
  const { text, generated } = render(messages.length, false);
  if (trainOn === 'all') return { text, trained: [[0, text.length]] };
  if (template.marksGeneration) {
    const inPrompt = promptLength === 0 ? 0 : render(promptLength, false).generated.length;
    return { text, trained: generated.slice(trainOn === 'last' ? -1 : inPrompt) };
  }
  const turns = messages.flatMap(({ role }, turn) => (role === 'assistant' ? [turn] : []));
  const chosen = trainOn === 'last' ? turns.slice(-1) : turns.filter((turn) => turn >= promptLength);
  const trained = chosen.map((turn): TextRange => {
    const before = turn === 0 ? '' : render(turn, true).text;
    const through = turn === messages.length - 1 ? text : render(turn + 1, false).text;
    if (!text.startsWith(before) || !text.startsWith(through) || through.length < before.length)
      throw rewritesHistory(turn, messages.length);
    return [before.length, withEndOfTurn(text, before.length, through.length, eosToken)];
  });
  return { text, trained };
}

/** Renders the first `length` messages. */
function renderStart(
  { template, messages, tools, variables }: ChatToMask,
  length: number,
  addGenerationPrompt: boolean,
) {
  return template.render({ messages: messages.slice(0, length), tools, addGenerationPrompt, variables });
}

/** Some templates write the token that ends a turn together with the next message. It belongs to the turn that it ends. */
function withEndOfTurn(text: string, start: number, end: number, eosToken: string | undefined): number {
  if (!eosToken || text.slice(start, end).includes(eosToken) || !text.startsWith(eosToken, end)) return end;
  return end + eosToken.length;
}

/** Labels of tokens: the id of each token that overlaps a trained range, {@link ignoredLabel} for the others. */
export function labelsOf({ ids, starts, ends }: TokenSpans, trained: readonly TextRange[]): Int32Array {
  const labels = new Int32Array(ids.length).fill(ignoredLabel);
  let range = 0;
  for (let k = 0; k < ids.length; k++) {
    while (range < trained.length && trained[range]![1] <= starts[k]!) range += 1;
    const [start, end] = trained[range] ?? [0, 0];
    if (starts[k]! < end && ends[k]! > start) labels[k] = ids[k]!;
  }
  return labels;
}

function rewritesHistory(turn: number, messages: number): FormatError {
  return new FormatError(
    `The chat template renders turn ${turn} differently when messages follow it, so its part of the text cannot be found`,
    {
      where: { turn, messages },
      next: "Train on the last turn with trainOn: 'last', or pass a template that marks assistant turns with {% generation %}.",
    },
  );
}
