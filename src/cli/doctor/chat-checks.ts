import type { Dataset } from '../../core/dataset.js';
import { datasetsWithin } from '../../core/datasets-within.js';
import { FormatError } from '../../core/errors.js';
import { sampleContext } from '../../random/sample-context.js';
import { ChatDataset } from '../../tokens/chat-dataset.js';
import type { ChatEncoding, ChatRow } from '../../tokens/chat-reader.js';
import { type ChatProblem, viewChats } from '../../tokens/chat-view.js';
import { formatCount } from '../../web/kit/numbers.js';
import type { Finding } from '../plan/findings.js';

/** Conversations that are read, evenly spread over the data. */
const most = 1_000;

/** What each problem of a conversation means. */
const meanings: Readonly<Record<ChatProblem | 'wrong-template', Omit<Finding, 'name'>>> = {
  'empty-masks': {
    what: 'have no token to train on',
    why: 'Training on them fails, or teaches nothing.',
    fix: "Give each an assistant turn, or set trainOn to 'all'.",
  },
  'no-end-token': {
    what: 'have an answer that does not end with a special token that is trained on',
    why: 'The model never learns to stop: it writes up to the limit of tokens.',
    fix: 'Use a template that ends answers with the end token inside of what is trained on, and set eos_token in tokenizer_config.json.',
  },
  'doubled-bos': {
    what: 'start with two BOS tokens',
    why: 'The model never sees that at inference.',
    fix: 'Leave bos_token out of the text, or out of the template.',
  },
  'special-tokens-in-content': {
    what: 'have a message whose content contains a special token',
    why: 'It controls the model: a message can end its turn, or speak for another role.',
    fix: "Set specialTokensInContent to 'text' to encode such content as text, or to 'error' to refuse it.",
  },
  'truncated-answers': {
    what: 'lose a part of an answer, with its end token, to maxLength',
    why: 'The model learns to break off.',
    fix: "Raise maxLength, or set truncate to 'drop' or 'left'.",
  },
  'unknown-control-tokens': {
    what: 'are rendered with control tokens that the tokenizer does not have',
    why: 'The template is that of another model: the tokens are encoded as ordinary text.',
    fix: "Use the tokenizer's own template, or the template's own tokenizer.",
  },
  'wrong-template': {
    what: 'cannot be rendered or labeled',
    why: 'Reading them fails.',
    fix: 'Use a template that takes these conversations and does not rewrite earlier turns, or train on the last turn.',
  },
};

/** Finds problems of the conversations in a dataset and in the datasets that it is made from. */
export async function trainedChatFindings(dataset: object): Promise<Finding[]> {
  const chats = [...datasetsWithin(dataset)].filter(
    (each) => each instanceof ChatDataset && each.parts.kind !== 'prompt',
  ) as ChatDataset<unknown>[];
  const findings: Finding[] = [];
  for (const [k, { parts }] of chats.entries()) {
    const of = chats.length > 1 ? `Of conversations ${k + 1} of ${chats.length}: ` : '';
    for (const finding of await chatFindings(parts.rows, parts.encoding))
      findings.push({ ...finding, what: of + finding.what });
  }
  return findings;
}

/** Finds problems of rows that are read as conversations. Reads at most 1,000 rows. */
export async function chatFindings(rows: Dataset<ChatRow>, encoding: ChatEncoding): Promise<Finding[]> {
  const read = Math.min(most, rows.length);
  const counts = new Map<keyof typeof meanings, number>();
  let reason: string | undefined;
  for (let k = 0; k < read; k++) {
    const at = Math.floor((k * rows.length) / read);
    const { problems, error } = problemsOf(await rows.get(at, sampleContext(at)), encoding);
    reason ??= error && `${error} (conversation ${at})`;
    for (const problem of problems) counts.set(problem, (counts.get(problem) ?? 0) + 1);
  }
  return Array.from(counts, ([name, count]) => ({
    ...meanings[name],
    name,
    what: `${formatCount(count)} of ${read < rows.length ? 'the ' : ''}${formatCount(read)} conversations ${read < rows.length ? 'that were read ' : ''}${meanings[name].what}${name === 'wrong-template' ? `: ${reason}` : ''}.`,
  }));
}

function problemsOf(row: ChatRow, encoding: ChatEncoding) {
  try {
    return {
      problems: new Set(viewChats(row, encoding).flatMap(({ problems }) => problems)),
      error: undefined,
    };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return { problems: new Set(['wrong-template'] as const), error: error.message };
  }
}
