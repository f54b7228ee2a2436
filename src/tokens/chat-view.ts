// Explains a conversation token by token, for `millrace inspect --chat` and `millrace doctor`.
import { keysOf } from '../core/record.js';
import { ignoredLabel, type TextRange } from './chat-labels.js';
import type { ChatEncoding, ChatRow } from './chat-reader.js';
import { type Conversation, conversationOf, preferencePairOf } from './conversation.js';
import { type LabeledChat, labelChat } from './labeled-chat.js';
import { textsOf } from './special-content.js';

/** Why a token is there: the loss counts it, the generation prompt supplies it to the model, or it is context. */
export type TokenRole = 'trained' | 'prompted' | 'context';

/** A token of a conversation. */
export interface ViewedToken {
  readonly id: number;
  /** The part of the text that it covers; empty if it only completes a character of the token before. */
  readonly text: string;
  readonly role: TokenRole;
}

/** A conversation, token by token. */
export interface ChatView {
  /** Which of several sequences of a row it is: `chosen`, `rejected`. */
  readonly name: string | undefined;
  readonly tokens: readonly ViewedToken[];
  readonly problems: readonly ChatProblem[];
}

/** What is wrong with a conversation. `millrace doctor` explains each. */
export type ChatProblem =
  | 'empty-masks'
  | 'no-end-token'
  | 'doubled-bos'
  | 'special-tokens-in-content'
  | 'truncated-answers'
  | 'unknown-control-tokens';

/**
 * Explains the conversations of a row: one, or both answers of a preference pair.
 *
 * @throws {@link FormatError} if the row cannot be encoded or labeled.
 */
export function viewChats(row: ChatRow, encoding: ChatEncoding): ChatView[] {
  if (encoding.layout !== 'preference')
    return [viewChat(conversationOf(row, encoding.layout), encoding, undefined)];
  const [chosen, rejected] = preferencePairOf(row);
  return [viewChat(chosen, encoding, 'chosen'), viewChat(rejected, encoding, 'rejected')];
}

function viewChat(conversation: Conversation, encoding: ChatEncoding, name: string | undefined): ChatView {
  const labeled = labelChat(conversation, encoding);
  const { ids, labels, text, spans } = labeled;
  const prompted = promptedRanges(conversation, encoding, text);
  let covered = 0;
  const tokens = Array.from(ids, (id, k): ViewedToken => {
    const [start, end] = [Math.max(covered, spans.starts[k]!), spans.ends[k]!];
    covered = Math.max(covered, end);
    const isPrompted = prompted.some(([from, to]) => spans.starts[k]! >= from && end <= to);
    const role = labels[k] !== ignoredLabel ? 'trained' : isPrompted ? 'prompted' : 'context';
    return { id, text: text.slice(start, end), role };
  });
  return { name, tokens, problems: problemsOf(conversation, labeled, encoding) };
}

/** The parts of the text that a generation prompt renders before the answers. */
function promptedRanges(
  conversation: Conversation,
  { template, settings }: ChatEncoding,
  text: string,
): TextRange[] {
  if (conversation.kind !== 'messages' || !template) return [];
  const { messages, tools } = conversation;
  const render = (length: number, addGenerationPrompt: boolean) =>
    template.render({
      messages: messages.slice(0, length),
      tools,
      addGenerationPrompt,
      variables: settings.templateVariables,
    }).text;
  return messages.flatMap(({ role }, turn): TextRange[] => {
    if (role !== 'assistant' || turn === 0) return [];
    const [without, withPrompt] = [render(turn, false), render(turn, true)];
    const holds = withPrompt.startsWith(without) && text.startsWith(withPrompt);
    return holds ? [[without.length, withPrompt.length]] : [];
  });
}

function problemsOf(conversation: Conversation, labeled: LabeledChat, encoding: ChatEncoding): ChatProblem[] {
  const { tokenizer, settings } = encoding;
  const { ids, labels, text } = labeled;
  const special = new Set(tokenizer.specialTokens.map((token) => tokenizer.idOf(token)));
  const bos = tokenizer.bosToken === undefined ? undefined : tokenizer.idOf(tokenizer.bosToken);
  const messages = conversation.kind === 'messages' ? conversation.messages : [];
  const contents = messages.flatMap(({ content }) => textsOf(content));
  const { maxLength, truncate } = settings;
  const found: Record<ChatProblem, boolean> = {
    'empty-masks': labels.every((label) => label === ignoredLabel),
    'no-end-token': !trainedRuns(labels).every(([start, end]) =>
      endsWithSpecial(labeled, start, end, special),
    ),
    'doubled-bos': bos !== undefined && ids[0] === bos && ids[1] === bos,
    'special-tokens-in-content': tokenizer.specialTokens.some((token) =>
      contents.some((content) => content.includes(token)),
    ),
    'truncated-answers':
      maxLength !== undefined &&
      truncate === 'right' &&
      labels.subarray(maxLength).some((label) => label !== ignoredLabel),
    'unknown-control-tokens': controlTokens(text, contents).some(
      (token) => tokenizer.idOf(token) === undefined,
    ),
  };
  return keysOf(found).filter((name) => found[name]);
}

/** Ranges of consecutive tokens with labels. */
function trainedRuns(labels: Int32Array): [start: number, end: number][] {
  const runs: [number, number][] = [];
  for (let k = 0; k < labels.length; k++) {
    if (labels[k] === ignoredLabel) continue;
    const last = runs.at(-1);
    if (last?.[1] === k) last[1] = k + 1;
    else runs.push([k, k + 1]);
  }
  return runs;
}

/** Whether tokens end with a special token, apart from white space after it. */
function endsWithSpecial(
  { ids, text, spans }: LabeledChat,
  start: number,
  end: number,
  special: ReadonlySet<number | undefined>,
): boolean {
  for (let k = end - 1; k >= start; k--) {
    if (special.has(ids[k]!)) return true;
    if (text.slice(spans.starts[k], spans.ends[k]).trim() !== '') return false;
  }
  return false;
}

/** What looks like a control token (`<|im_start|>`, `<start_of_turn>`) and was not written by a message. */
function controlTokens(text: string, contents: readonly string[]): readonly string[] {
  const found = new Set(text.match(/<[|｜][^<>]{1,30}[|｜]>|<\w+_of_\w+>/g));
  return [...found].filter((token) => !contents.some((content) => content.includes(token)));
}
