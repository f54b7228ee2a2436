import { FormatError } from '../core/errors.js';
import { isRecord, ownValue } from '../core/record.js';
import { messageOf } from '../core/thrown.js';

/** A message of a conversation, as chat templates take it: a role, a content, and whatever else the template reads. */
export interface ChatMessage {
  readonly role: string;
  readonly content?: unknown;
  readonly [field: string]: unknown;
}

/** What a template renders besides the messages. */
export interface RenderInput {
  readonly messages: readonly ChatMessage[];
  readonly tools?: readonly unknown[] | undefined;
  readonly addGenerationPrompt: boolean;
  /** Further variables that the template reads. @defaultValue none */
  readonly variables?: Readonly<Record<string, unknown>>;
}

/** A rendered conversation. */
export interface RenderedChat {
  readonly text: string;
  /** The parts of the text inside `{% generation %}`, as [start, end) in UTF-16 positions. */
  readonly generated: readonly (readonly [start: number, end: number])[];
}

/**
 * Noncharacters that mark the start and end of a `{% generation %}` block while a template is rendered. Text never holds them:
 * Unicode reserves them for such use.
 */
const [generationStart, generationEnd] = ['\ufdd0', '\ufdd1'];
const generationMark = /[\ufdd0\ufdd1]/g;

/** A model's chat template: Jinja, as `apply_chat_template` of Hugging Face transformers renders it. */
export class ChatTemplate {
  /** Whether the template marks what the model generates. */
  readonly marksGeneration: boolean;
  readonly #render: (variables: Readonly<Record<string, unknown>>) => string;

  private constructor(
    marksGeneration: boolean,
    render: (variables: Readonly<Record<string, unknown>>) => string,
  ) {
    this.marksGeneration = marksGeneration;
    this.#render = render;
  }

  /**
   * Parses a template.
   *
   * @param specialTokens - `bos_token`, `eos_token` and the like, which templates read.
   * @throws {@link FormatError} if the template is not valid.
   */
  static async parse(
    source: string,
    specialTokens: Readonly<Record<string, string | undefined>>,
  ): Promise<ChatTemplate> {
    const jinja = await import('@huggingface/jinja');
    const marked = source.replace(
      /\{%(-?)\s*(end)?generation\s*(-?)%\}/g,
      (_, before: string, end: string | undefined, after: string) =>
        `{%${before} if true %}{{ '${end ? generationEnd : generationStart}' }}{% endif ${after}%}`,
    );
    let program: ReturnType<typeof jinja.parse>;
    try {
      program = jinja.parse(jinja.tokenize(marked, { lstrip_blocks: true, trim_blocks: true }));
    } catch (cause) {
      throw new FormatError(`The chat template is not valid Jinja: ${messageOf(cause)}`, { cause });
    }
    stripAsPython(program);
    // What all conversations share is converted to values of the template once.
    const shared = new jinja.Environment();
    for (const [name, value] of Object.entries({ ...globals, ...specialTokens })) shared.set(name, value);
    return new ChatTemplate(marked !== source, (variables) => {
      const environment = new jinja.Environment(shared);
      for (const [name, value] of Object.entries(variables)) environment.set(name, value);
      return String(new jinja.Interpreter(environment).run(program).value);
    });
  }

  /** @throws {@link FormatError} if the template refuses the conversation, with the template's reason. */
  render({ messages, tools, addGenerationPrompt, variables }: RenderInput): RenderedChat {
    let text: string;
    try {
      text = this.#render({
        ...variables,
        messages,
        tools: tools ?? null,
        add_generation_prompt: addGenerationPrompt,
      });
    } catch (cause) {
      throw new FormatError(`The chat template refuses the conversation: ${messageOf(cause)}`, {
        where: { messages: messages.length, roles: messages.map(({ role }) => role).join(', ') },
        next: 'Change the conversation, or pass a template that takes it.',
        cause,
      });
    }
    return this.marksGeneration ? withoutMarks(text) : { text, generated: [] };
  }
}

/** Takes the marks out of a text and returns the parts that they enclosed. */
function withoutMarks(marked: string): RenderedChat {
  const generated: [number, number][] = [];
  let removed = 0;
  let start = 0;
  for (const { 0: mark, index } of marked.matchAll(generationMark)) {
    const position = index - removed;
    if (mark === generationStart) start = position;
    else if (position > start) generated.push([start, position]);
    removed += 1;
  }
  return { text: marked.replace(generationMark, ''), generated };
}

const longestRange = 100_000;

/** Globals of the templates of transformers. `strip` functions stand in for those of `@huggingface/jinja`; see below. */
const globals: Readonly<Record<string, unknown>> = {
  false: false,
  true: true,
  none: null,
  False: false,
  True: true,
  None: null,
  raise_exception: (message: string) => {
    throw new Error(message);
  },
  range: (start: number, stop?: number, step = 1) => {
    const [from, to] = stop === undefined || stop === null ? [0, start] : [start, stop];
    // The limit of Jinja's sandbox, in which transformers renders templates.
    if (Math.abs((to - from) / step) > longestRange) throw new Error(`range is longer than ${longestRange}`);
    const numbers: number[] = [];
    for (let k = from; step > 0 ? k < to : k > to; k += step) numbers.push(k);
    return numbers;
  },
  strftime_now: (format: string) => formatDate(new Date(), format),
  __strip: (text: string, characters?: string | null) => strip(text, characters, true, true),
  __lstrip: (text: string, characters?: string | null) => strip(text, characters, true, false),
  __rstrip: (text: string, characters?: string | null) => strip(text, characters, false, true),
};

/** Python's white space, which differs from JavaScript's in U+001C to U+001F, U+0085 and U+FEFF. */
const pythonSpace =
  '\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000';

function strip(text: string, characters: string | null | undefined, left: boolean, right: boolean): string {
  const stripped = new Set(characters ?? pythonSpace);
  const all = [...text];
  let [start, end] = [0, all.length];
  if (left) while (start < end && stripped.has(all[start]!)) start += 1;
  if (right) while (end > start && stripped.has(all[end - 1]!)) end -= 1;
  return all.slice(start, end).join('');
}

/**
 * `strip`, `lstrip` and `rstrip` of `@huggingface/jinja` 0.5 ignore their argument. Rewrites calls of these methods into calls
 * of globals that strip as Python does.
 */
function stripAsPython(node: unknown): void {
  if (Array.isArray(node)) {
    for (const item of node) stripAsPython(item);
    return;
  }
  if (node instanceof Map) {
    for (const [key, value] of node) {
      stripAsPython(key);
      stripAsPython(value);
    }
    return;
  }
  if (!isRecord(node)) return;
  const { type, callee, args } = node;
  if (type === 'CallExpression' && isRecord(callee) && Array.isArray(args)) {
    const { property } = callee;
    const isMethod = callee.type === 'MemberExpression' && callee.computed === false && isRecord(property);
    if (isMethod && /^[lr]?strip$/.test(String(property.value))) {
      args.unshift(callee.object);
      Object.assign(callee, property, { value: `__${property.value}` });
      Object.setPrototypeOf(callee, Object.getPrototypeOf(property));
    }
  }
  for (const value of Object.values(node)) stripAsPython(value);
}

/** The directives of `strftime` that chat templates use. */
function formatDate(date: Date, format: string): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const name = (options: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat('en-US', options).format(date);
  const directives: Readonly<Record<string, () => string>> = {
    Y: () => String(date.getFullYear()),
    m: () => two(date.getMonth() + 1),
    d: () => two(date.getDate()),
    b: () => name({ month: 'short' }),
    B: () => name({ month: 'long' }),
    a: () => name({ weekday: 'short' }),
    A: () => name({ weekday: 'long' }),
    H: () => two(date.getHours()),
    M: () => two(date.getMinutes()),
    S: () => two(date.getSeconds()),
  };
  return format.replace(/%([A-Za-z])/g, (all, letter: string) => ownValue(directives, letter)?.() ?? all);
}
