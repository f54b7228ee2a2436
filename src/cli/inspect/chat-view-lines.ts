import { visibleText } from '../../core/visible-text.js';
import type { ChatView, TokenRole, ViewedToken } from '../../tokens/chat-view.js';
import { formatCount } from '../../web/kit/numbers.js';
import type { Color, Paint } from '../terminal/color.js';

const colors: Readonly<Record<TokenRole, Color>> = { trained: 'green', prompted: 'yellow', context: 'gray' };

/** Explains the colors, or the brackets of a terminal without colors. */
export function chatLegend(paint: Paint): string {
  return isColored(paint)
    ? `${paint('green', 'trained on')}, ${paint('yellow', 'supplied by the generation prompt')}, ${paint('gray', 'context')}`
    : '⟦trained on⟧, ⟨supplied by the generation prompt⟩, context';
}

/** Renders a conversation: a title with its counts, then its text, colored by what is trained on. */
export function chatViewLines({ name, tokens, problems }: ChatView, paint: Paint): string[] {
  const trained = tokens.filter(({ role }) => role === 'trained').length;
  const title = `  ${name === undefined ? '' : `${name}: `}${formatCount(tokens.length)} tokens, ${formatCount(trained)} trained on`;
  const text = runsOf(tokens)
    .map(({ role, text }) => painted(role, text, paint))
    .join('');
  return [
    title,
    ...problems.map((problem) => `  ${paint('red', problem)}: see millrace doctor`),
    ...text.split('\n').map((line) => `    ${line}`.trimEnd()),
  ];
}

/** Consecutive tokens of one role, as one text. */
export function runsOf(
  tokens: readonly ViewedToken[],
): { readonly role: TokenRole; readonly text: string }[] {
  const runs: { role: TokenRole; text: string }[] = [];
  for (const { role, text } of tokens) {
    const last = runs.at(-1);
    if (last?.role === role) last.text += text;
    else runs.push({ role, text });
  }
  return runs;
}

/** Colors each line for itself, so that an indent between them has no color. */
function painted(role: TokenRole, text: string, paint: Paint): string {
  const lines = text.split('\n').map(visibleText);
  if (isColored(paint)) return lines.map((line) => (line === '' ? '' : paint(colors[role], line))).join('\n');
  const [open, close] = { trained: ['⟦', '⟧'], prompted: ['⟨', '⟩'], context: ['', ''] }[role];
  return `${open}${lines.join('\n')}${close}`;
}

function isColored(paint: Paint): boolean {
  return paint('bold', 'x') !== 'x';
}
