// SentencePiece models, against what SentencePiece and transformers gave; `test/golden/sentencepiece/make.py` records it.
import { copyFileSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chatDataset, loadTokenizer, renderChat } from 'millrace/tokens';
import { beforeAll, describe, expect, it } from 'vitest';
import { ObjectServer } from '../storage/object-server.js';

interface ModelVectors {
  readonly texts: readonly { readonly text: string; readonly ids: number[]; readonly decoded: string }[];
  readonly decoded: readonly { readonly ids: number[]; readonly text: string }[];
  readonly special?: readonly { readonly text: string; readonly ids: number[] }[];
}

const golden = fileURLToPath(new URL('../golden/sentencepiece', import.meta.url));
const vectors = JSON.parse(readFileSync(join(golden, 'vectors.json'), 'utf8')) as Record<
  string,
  ModelVectors
>;
const llamaLike = join(golden, 'llama-like');
const context = { epoch: 0 } as never;

/** A folder with the BPE model and a configuration. */
function folderWith(config: object): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-'));
  copyFileSync(join(llamaLike, 'tokenizer.model'), join(folder, 'tokenizer.model'));
  writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify(config));
  return folder;
}

describe.each([
  ['llama-like', join(llamaLike, 'tokenizer.model')],
  ['unigram', join(golden, 'unigram.model')],
])('the SentencePiece model %s', (name, file) => {
  const { texts, decoded } = vectors[name]!;

  it('encodes and decodes as SentencePiece does', async () => {
    const tokenizer = await loadTokenizer(file);
    for (const { text, ids, decoded: back } of texts) {
      expect(tokenizer.encode(text, { addSpecialTokens: false }), text).toEqual(ids);
      expect(tokenizer.decode(ids), text).toBe(back);
    }
    for (const { ids, text } of decoded) expect(tokenizer.decode(ids), ids.join(' ')).toBe(text);
  });
});

describe('a folder with a SentencePiece model', () => {
  it('finds special tokens in a text, and puts those around it that the configuration names, as transformers does', async () => {
    const tokenizer = await loadTokenizer(llamaLike);
    for (const { text, ids } of vectors['llama-like']!.special!)
      expect(tokenizer.encode(text), text).toEqual(ids);
    expect(tokenizer.specialTokens).toEqual(['<unk>', '<s>', '</s>', '<turn>']);
    const ids = tokenizer.encode('hello</s>');
    expect(tokenizer.decode(ids)).toBe('<s>hello</s>');
    expect(tokenizer.decode(ids, { skipSpecialTokens: true })).toBe('hello');
  });

  it('knows the special tokens of the model without a configuration', async () => {
    const { bosToken, eosToken, padToken, endOfText } = await loadTokenizer(join(golden, 'unigram.model'));
    expect({ bosToken, eosToken, padToken, endOfText }).toEqual({
      bosToken: '<s>',
      eosToken: '</s>',
      padToken: '<pad>',
      endOfText: 3,
    });
  });

  it('adds the tokens that the configuration adds, beyond the vocabulary too', async () => {
    const folder = folderWith({
      added_tokens_decoder: { 9000: { content: '<image>', special: true, normalized: false } },
    });
    const tokenizer = await loadTokenizer(folder);
    const ids = tokenizer.encode('a<image>b');
    expect(ids[1]).toBe(9000);
    expect(tokenizer.decode(ids)).toBe('a<image>b');
  });

  it('gives text after a special token a space of its own if the configuration says legacy', async () => {
    const [modern, legacy] = await Promise.all(
      [false, true].map(async (flag) => loadTokenizer(folderWith({ legacy: flag }))),
    );
    const lastOf = (tokenizer: typeof modern, text: string) => tokenizer!.encode(text).at(-1);
    expect(lastOf(legacy, 'a</s>b')).toBe(lastOf(legacy, 'b'));
    expect(lastOf(modern, 'a</s>b')).not.toBe(lastOf(modern, 'b'));
  });

  it('labels the answers of conversations, with their end token', async () => {
    const tokenizer = await loadTokenizer(llamaLike);
    const messages = [
      { role: 'user', content: 'What turns the mill? 🙂' },
      { role: 'assistant', content: 'Water turns it.' },
    ];
    const dataset = await chatDataset([{ messages }], { tokenizer });
    const { inputIds, labels } = await dataset.get(0, context);
    expect([...inputIds]).toEqual((await renderChat(tokenizer, messages)).inputIds);
    const trained = [...labels].filter((label) => label >= 0);
    expect(tokenizer.decode(trained)).toBe('Water turns it.</s>\n');
    expect([...inputIds].filter((id) => id === tokenizer.idOf('<s>'))).toHaveLength(1);
  });

  it('says that labels cannot be aligned if the model changes the text', async () => {
    const dataset = await chatDataset([{ text: 'two  spaces' }], {
      tokenizer: join(golden, 'unigram.model'),
    });
    await expect(dataset.get(0, context)).rejects.toThrow(/do not spell the text/);
  });

  it('is found by name on a server, after tokenizer.json', async () => {
    const server = await new ObjectServer().start();
    const asked: string[] = [];
    server.onRequest = ({ url }) => {
      asked.push(url!);
      return undefined;
    };
    const url = server.put('/model/tokenizer.model', readFileSync(join(llamaLike, 'tokenizer.model')));
    const tokenizer = await loadTokenizer(url.replace(/\/[^/]*$/, ''));
    expect(tokenizer.bosToken).toBe('<s>');
    expect(asked.some((path) => path.endsWith('/tokenizer.json'))).toBe(true);
    await server.stop();
  });
});

describe('a file that is not a usable SentencePiece model', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-'));
  });

  it('is a FormatError, wherever it is cut or changed, or a model', async () => {
    const bytes = readFileSync(join(golden, 'unigram.model'));
    const damaged = [
      Buffer.from('IQ== 0\nIg== 1\n'),
      Buffer.alloc(0),
      ...Array.from({ length: 6 }, (_, k) => bytes.subarray(0, Math.floor((k * bytes.length) / 6))),
      ...Array.from({ length: 6 }, (_, k) => {
        const changed = Buffer.from(bytes);
        changed[Math.floor(((k + 0.5) * bytes.length) / 6)]! ^= 0x55;
        return changed;
      }),
    ];
    const outcomes = new Set<string>();
    for (const [k, data] of damaged.entries()) {
      const file = join(folder, `${k}.model`);
      writeFileSync(file, data);
      try {
        (await loadTokenizer(file)).encode('The mill grinds.');
        outcomes.add('model');
      } catch (error) {
        outcomes.add((error as { code: string }).code);
      }
    }
    outcomes.delete('model');
    expect([...outcomes]).toEqual(['ERR_MILLRACE_FORMAT']);
  });

  it('is refused where the model numbers its tokens in another way', async () => {
    await expect(loadTokenizer(folderWith({ tokenizer_class: 'XLMRobertaTokenizer' }))).rejects.toMatchObject(
      {
        code: 'ERR_MILLRACE_CAPABILITY',
      },
    );
  });
});
