import { ConfigError, FormatError } from '../core/errors.js';
import { fingerprint, fingerprintBytes } from '../core/fingerprint.js';
import { propertyOf } from '../core/property-of.js';
import { isRecord } from '../core/record.js';
import { messageOf } from '../core/thrown.js';
import { isMissing } from '../storage/is-missing.js';
import { openSource } from '../storage/open-source.js';
import type { StorageOptions } from '../storage/storage-options.js';
import { ByteLevelTokenizer } from './byte-level-tokenizer.js';
import { LibraryTokenizer } from './library-tokenizer.js';
import { SentencePieceTokenizer } from './sentencepiece-tokenizer.js';
import { TextTokenizer } from './text-tokenizer.js';
import type { TokenizerConfigJson, TokenizerJson } from './tokenizer-json.js';

/** Tokenizers of this thread by source: loading takes a second, and every worker needs its own once. */
const loaded = new Map<string, Promise<TextTokenizer>>();

/**
 * Loads a model's tokenizer: a `tokenizer.json` or a SentencePiece model (`tokenizer.model`), the folder that holds it, or a model
 * on the Hugging Face Hub (`hf://user/model`, `hf://user/model@revision`). A folder's `tokenizer.json` is preferred.
 * `tokenizer_config.json` and `chat_template.jinja` beside the file give the special tokens and the chat template.
 *
 * Byte-level BPE runs in Millrace's own encoder, other kinds of `tokenizer.json` in `@huggingface/tokenizers`, SentencePiece models
 * in SentencePiece itself, by the optional package `@sctg/sentencepiece-js`. A source is loaded once per thread.
 *
 * @throws {@link StorageError} if the file cannot be read; {@link FormatError} if it is not a tokenizer; {@link MissingPeerError}
 *   for a SentencePiece model without the package.
 */
export function loadTokenizer(source: string | URL, options: StorageOptions = {}): Promise<TextTokenizer> {
  const name = String(source);
  const found = loaded.get(name);
  if (found) return found;
  const loading = load(name, options);
  loaded.set(name, loading);
  // A failure is not kept: the file may be there next time.
  loading.catch(() => loaded.delete(name));
  return loading;
}

/** Names of a tokenizer's file in its folder, in the order of preference. */
const fileNames = ['tokenizer.json', 'tokenizer.model', 'spiece.model'] as const;

async function load(source: string, options: StorageOptions): Promise<TextTokenizer> {
  if (source === '')
    throw new ConfigError('loadTokenizer', [{ field: 'source', message: 'must not be empty' }]);
  const isFile = /\.(json|model)(\?.*)?$/.test(source);
  const folder = isFile ? source.replace(/[^/]*$/, '') : `${source.replace(/\/$/, '')}/`;
  const [{ file, bytes }, configText, template] = await Promise.all([
    isFile ? readFile(source, options) : findIn(folder, options),
    readOptional(`${folder}tokenizer_config.json`, options),
    readOptional(`${folder}chat_template.jinja`, options),
  ]);
  const parsed = configText === undefined ? {} : parseJson(configText, `${folder}tokenizer_config.json`);
  const config: TokenizerConfigJson = {
    ...(isRecord(parsed) && parsed),
    ...(template !== undefined && { chat_template: template }),
  };
  const beside = { configText: configText ?? null, template: template ?? null };
  if (/\.model(\?.*)?$/.test(file)) {
    const model = await SentencePieceTokenizer.fromModel(bytes, config, file);
    const identity = fingerprint({ model: fingerprintBytes(bytes), ...beside });
    return new TextTokenizer(model, { ...model.specialTokenNames, ...config }, source, identity);
  }
  const text = new TextDecoder().decode(bytes);
  const json = parseTokenizer(text, file);
  const engine = ByteLevelTokenizer.fromJson(json) ?? (await LibraryTokenizer.fromJson(json, config));
  return new TextTokenizer(engine, config, source, fingerprint({ text, ...beside }));
}

interface TokenizerFile {
  readonly file: string;
  readonly bytes: Uint8Array;
}

/** The tokenizer's file in a folder. @throws {@link StorageError} about the first name if there is none. */
async function findIn(folder: string, options: StorageOptions): Promise<TokenizerFile> {
  let missing: unknown;
  for (const name of fileNames) {
    try {
      return await readFile(`${folder}${name}`, options);
    } catch (error) {
      if (!isMissing(error)) throw error;
      missing ??= error;
    }
  }
  throw missing;
}

function isTokenizerJson(json: unknown): json is TokenizerJson {
  return isRecord(propertyOf(propertyOf(json, 'model'), 'vocab'));
}

function parseTokenizer(text: string, file: string): TokenizerJson {
  const json = parseJson(text, file);
  if (isTokenizerJson(json)) return json;
  throw new FormatError('The file is not a tokenizer.json: it has no model with a vocabulary', {
    where: { file },
    next: 'Use the tokenizer.json that `tokenizer.save_pretrained` of transformers writes.',
  });
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new FormatError(`The file is not JSON: ${messageOf(cause)}`, { where: { file }, cause });
  }
}

async function readFile(file: string, options: StorageOptions): Promise<TokenizerFile> {
  const source = await openSource(file, options);
  try {
    return { file, bytes: await source.read(0, source.byteLength) };
  } finally {
    source.close();
  }
}

/** The text of a file, or `undefined` if there is none. Other failures are thrown. */
async function readOptional(file: string, options: StorageOptions): Promise<string | undefined> {
  try {
    return new TextDecoder().decode((await readFile(file, options)).bytes);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
