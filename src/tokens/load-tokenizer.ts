import { ConfigError, FormatError } from '../core/errors.js';
import { fingerprint } from '../core/fingerprint.js';
import { isMissing } from '../storage/is-missing.js';
import { openSource } from '../storage/open-source.js';
import type { StorageOptions } from '../storage/storage-options.js';
import { ByteLevelTokenizer } from './byte-level-tokenizer.js';
import { LibraryTokenizer } from './library-tokenizer.js';
import { TextTokenizer } from './text-tokenizer.js';
import type { TokenizerConfigJson, TokenizerJson } from './tokenizer-json.js';

/** Tokenizers of this thread by source: loading takes a second, and every worker needs its own once. */
const loaded = new Map<string, Promise<TextTokenizer>>();

/**
 * Loads a model's tokenizer: a `tokenizer.json`, the folder that holds it, or a model on the Hugging Face Hub
 * (`hf://user/model`, `hf://user/model@revision`). `tokenizer_config.json` and `chat_template.jinja` beside the file give the
 * special tokens and the chat template.
 *
 * Byte-level BPE runs in Millrace's own encoder; every other kind in `@huggingface/tokenizers`. The ids are the same.
 * A source is loaded once per thread.
 *
 * @throws {@link StorageError} if the file cannot be read; {@link FormatError} if it is not a tokenizer.
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

async function load(source: string, options: StorageOptions): Promise<TextTokenizer> {
  if (source === '')
    throw new ConfigError('loadTokenizer', [{ field: 'source', message: 'must not be empty' }]);
  const isFile = /\.json(\?.*)?$/.test(source);
  const folder = isFile ? source.replace(/[^/]*$/, '') : `${source.replace(/\/$/, '')}/`;
  const file = isFile ? source : `${folder}tokenizer.json`;
  const [text, configText, template] = await Promise.all([
    readText(file, options),
    readOptional(`${folder}tokenizer_config.json`, options),
    readOptional(`${folder}chat_template.jinja`, options),
  ]);
  const json = parseTokenizer(text, file);
  const config = {
    ...(configText === undefined ? {} : (parseJson(configText, `${folder}tokenizer_config.json`) as object)),
    ...(template !== undefined && { chat_template: template }),
  } as TokenizerConfigJson;
  const engine = ByteLevelTokenizer.fromJson(json) ?? (await LibraryTokenizer.fromJson(json, config));
  return new TextTokenizer(
    engine,
    config,
    source,
    fingerprint({ text, configText: configText ?? null, template: template ?? null }),
  );
}

function parseTokenizer(text: string, file: string): TokenizerJson {
  const json = parseJson(text, file) as Partial<TokenizerJson> | null;
  if (typeof json?.model?.vocab === 'object' && json.model.vocab !== null) return json as TokenizerJson;
  throw new FormatError('The file is not a tokenizer.json: it has no model with a vocabulary', {
    where: { file },
    next: 'Use the tokenizer.json that `tokenizer.save_pretrained` of transformers writes.',
  });
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new FormatError(`The file is not JSON: ${(cause as Error).message}`, { where: { file }, cause });
  }
}

async function readText(file: string, options: StorageOptions): Promise<string> {
  const source = await openSource(file, options);
  try {
    return new TextDecoder().decode(await source.read(0, source.byteLength));
  } finally {
    source.close();
  }
}

/** The text of a file, or `undefined` if there is none. Other failures are thrown. */
async function readOptional(file: string, options: StorageOptions): Promise<string | undefined> {
  try {
    return await readText(file, options);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
