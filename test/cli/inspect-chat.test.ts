// What `millrace inspect --chat`, `doctor` and `plan` say about conversations.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ArrayDataset } from 'millrace';
import { chatDataset, loadTokenizer } from 'millrace/tokens';
import { afterAll, describe, expect, it } from 'vitest';
import { chatFindings, trainedChatFindings } from '../../dist/cli/doctor/chat-checks.js';
import { chatEncoding } from '../../dist/cli/inspect/inspect-chats.js';
import { openRun } from '../../dist/cli/plan/open-run.js';
import { factsOf } from '../../dist/cli/plan/plan-facts.js';
import { RunOrder } from '../../dist/cli/plan/run-order.js';
import { planRun } from '../../dist/cli/plan/run-plan.js';
import { goldenFolder } from '../tokens/golden-tokenizer.js';
import { runInOneProcess as runCommand } from './in-one-process.js';

const folder = mkdtempSync(join(tmpdir(), 'millrace-inspect-chat-'));
afterAll(() => rmSync(folder, { recursive: true }));
const source = goldenFolder('qwen-like');
const user = (content: string) => ({ role: 'user', content });
const assistant = (content: string) => ({ role: 'assistant', content });
const talk = [user('the river'), assistant('turns a wheel')];
const chatml =
  "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe('millrace inspect --chat', () => {
  it('shows which tokens are trained on, in the terminal and on a page', async () => {
    const data = write('talk.jsonl', JSON.stringify({ messages: talk }));
    const page = join(folder, 'talk.html');
    const { stdout, stderr } = await runCommand([
      'inspect',
      data,
      '--tokenizer',
      source,
      '--chat',
      '--html',
      page,
    ]);
    expect(stderr).toBe('');
    expect(stdout).toContain('⟨<|im_start|>assistant\n    ⟩⟦turns a wheel<|im_end|>\n    ⟧');
    const html = readFileSync(page, 'utf8');
    const marked = (role: string) =>
      [...html.matchAll(new RegExp(`<span class="${role}" title="id \\d+, [^"]*">([^<]*)</span>`, 'g'))]
        .map(([, text]) => text)
        .join('');
    expect(marked('trained')).toBe('turns a wheel&lt;|im_end|&gt;\n');
    expect(marked('prompted')).toBe('&lt;|im_start|&gt;assistant\n');
  });

  it('shows both answers of a pair, and the tokens as JSON', async () => {
    const row = { prompt: talk.slice(0, 1), chosen: [assistant('turns')], rejected: [assistant('stops')] };
    const data = write('pairs.jsonl', JSON.stringify(row));
    const { stdout } = await runCommand(['inspect', data, '--tokenizer', source, '--chat', '--json']);
    const { chats } = JSON.parse(stdout) as {
      chats: { name: string; tokens: { text: string; role: string }[] }[][];
    };
    const trained = chats[0]!.map(({ name, tokens }) => [
      name,
      tokens
        .filter(({ role }) => role === 'trained')
        .map(({ text }) => text)
        .join(''),
    ]);
    expect(trained).toEqual([
      ['chosen', 'turns<|im_end|>\n'],
      ['rejected', 'stops<|im_end|>\n'],
    ]);
  });

  it('requires the tokenizer of a model', async () => {
    const { status, stderr } = await runCommand(['inspect', join(folder, 'talk.jsonl'), '--chat']);
    expect(status).toBe(2);
    expect(stderr).toContain('--chat needs the tokenizer of a model');
  });
});

describe('millrace doctor, on conversations', () => {
  const found = async (
    messages: object[],
    options: { template?: string; maxLength?: number; tokenizer?: string } = {},
  ) => {
    const { template = chatml, maxLength, tokenizer = 'qwen-like' } = options;
    const encoding = await chatEncoding(['messages'], await loadTokenizer(goldenFolder(tokenizer)), {
      template: write('template.jinja', template),
      maxLength,
    });
    return (await chatFindings(new ArrayDataset([{ messages }, { messages: talk }]), encoding)).map(
      ({ name, what }) => ({ name, what }),
    );
  };

  it('is silent about sound conversations', async () => {
    expect(await found(talk, { maxLength: 1_000 })).toEqual([]);
  });

  it.each<[string, object[], { template?: string; maxLength?: number; tokenizer?: string }, string?]>([
    ['empty-masks', talk.slice(0, 1), {}],
    ['no-end-token', talk, { template: chatml.replaceAll('<|im_end|>', '') }, '2 of 2'],
    [
      'doubled-bos',
      talk,
      {
        template: `{{ bos_token + bos_token }}${chatml.replaceAll('<|im_end|>', '<|eot|>').replaceAll('<|im_start|>', '<|start|>')}`,
        tokenizer: 'llama-like',
      },
      '2 of 2',
    ],
    ['special-tokens-in-content', [user('<|im_end|>'), assistant('a')], {}],
    [
      'truncated-answers',
      [user('q'), assistant('a long answer of many words '.repeat(9))],
      { maxLength: 40 },
    ],
    ['unknown-control-tokens', talk, { template: chatml.replaceAll('im_start', 'start') }, '2 of 2'],
    [
      'wrong-template',
      [assistant('a'), user('b')],
      {
        template: `{% if messages[0].role != 'user' %}{{ raise_exception('user first') }}{% endif %}${chatml}`,
      },
    ],
  ])('finds %s', async (name, messages, options, count = '1 of 2') => {
    const findings = await found(messages, options);
    expect(findings.map((finding) => finding.name)).toEqual([name]);
    expect(findings[0]!.what).toContain(`${count} conversations `);
  });

  it('examines data and configurations', async () => {
    const data = write('cut.jsonl', JSON.stringify({ messages: talk }));
    const ofData = await runCommand(['doctor', data, '--tokenizer', source, '--max-length', '20', '--json']);
    expect(ofData.status).toBe(1);
    expect(JSON.parse(ofData.stdout).findings.map(({ name }: { name: string }) => name)).toEqual([
      'truncated-answers',
    ]);
  });
});

describe('millrace plan, of conversations', () => {
  it('counts the tokens of the run, and those that are trained on', async () => {
    const url = (path: string) => new URL(`../../dist/${path}`, import.meta.url).href;
    const config = write(
      'chats.mjs',
      `import { DataLoader, padCollate } from ${JSON.stringify(url('index.js'))};
       import { chatDataset } from ${JSON.stringify(url('tokens/index.js'))};
       const dataset = await chatDataset([{ prompt: 'the river', completion: ' turns' }, { prompt: 'a', completion: ' b' }], { tokenizer: ${JSON.stringify(source)} });
       export default new DataLoader(dataset, { batchSize: 1, collate: padCollate({ padValue: dataset.padValues }) });`,
    );
    const tokenizer = await loadTokenizer(source);
    const length = (text: string) => tokenizer.encode(text).length;
    const { opened, openForRank } = await openRun(config, { rank: 0, worldSize: 1 });
    const plan = await planRun(opened, new RunOrder(opened, openForRank), { name: 'chats', steps: 4 });
    const [tokens, trained] = [
      length('the river turns') + length('a b') + 2,
      length(' turns') + length(' b') + 2,
    ];
    expect(plan.tokens).toEqual({ run: 2 * tokens, isExact: false, trainedShare: trained / tokens });
    expect(factsOf(plan).find(({ name }) => name === 'tokens')!.value).toContain(
      `${2 * trained} of them trained on`,
    );
    await opened.close();
  });
});

describe('doctor and plan, of conversations within other datasets', () => {
  const rows = [
    { messages: [{ role: 'assistant', content: 'the river' }] },
    { messages: [{ role: 'assistant', content: 'a', end: true }] },
  ];
  // Two conversations of which the first has no end token. Wrappers hold the first, or both.
  const wrapped: readonly [name: string, code: string, indices: readonly number[]][] = [
    ['a subset', 'new Subset(chats, [0])', [0]],
    ['a filter', 'await filterDataset(chats, ({ inputIds }) => inputIds.length > 0)', [0, 1]],
    ['a split', 'randomSplit(chats, [2])[0]', [0, 1]],
    ['a concatenation', 'new ConcatDataset([new Subset(chats, [1]), chats])', [1, 0, 1]],
    [
      'a mixture',
      'new MixtureDataset([chats, chats], { weights: [1, 1], length: 4, shuffle: false })',
      [0, 1, 0, 1],
    ],
    [
      'packed rows of a subset',
      'new PackedDataset(new Subset(chats, [0]), { rowLength: 64, lengths: [(await chats.count()).sizes[0]] })',
      [0],
    ],
  ];

  it.each(wrapped)('sees them through %s', async (_, code, indices) => {
    const url = (path: string) => JSON.stringify(new URL(`../../dist/${path}`, import.meta.url).href);
    const template =
      "{% for m in messages %}{% generation %}{{ m.content }}{% if m.end %}{{ '<|im_end|>' }}{% endif %}{% endgeneration %}x{% endfor %}";
    const config = write(
      `within-${indices.join('')}-${code.length}.mjs`,
      `import { ConcatDataset, DataLoader, filterDataset, MixtureDataset, randomSplit, Subset } from ${url('index.js')};
       import { chatDataset, PackedDataset } from ${url('tokens/index.js')};
       const rows = ${JSON.stringify(rows)};
       const chats = await chatDataset(rows, { tokenizer: ${JSON.stringify(source)}, template: ${JSON.stringify(template)} });
       export default new DataLoader(${code}, { batchSize: 1 });`,
    );
    const { opened, openForRank } = await openRun(config, { rank: 0, worldSize: 1 });
    const findings = await trainedChatFindings(opened.dataset);
    expect(findings.map(({ name, what }) => [name, what.includes('1 of 2 conversations')])).toEqual([
      ['no-end-token', true],
    ]);

    const { tokens } = await planRun(opened, new RunOrder(opened, openForRank), { name: 'within' });
    const { sizes } = await (await chatDataset(rows, { tokenizer: source, template })).count();
    const all = indices.reduce((sum, index) => sum + sizes[index]!, 0);
    // Of each conversation, all tokens but the last are trained on.
    expect(tokens!.trainedShare).toBeCloseTo((all - indices.length) / all, 10);
    await opened.close();
  });
});
