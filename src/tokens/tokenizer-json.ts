import { ownValue } from '../core/record.js';

/** The parts of a `tokenizer.json` that Millrace reads. Foreign data: check before use. */
export interface TokenizerJson {
  readonly normalizer?: Component | null;
  readonly pre_tokenizer?: Component | null;
  readonly post_processor?: Component | null;
  readonly decoder?: Component | null;
  readonly added_tokens?: readonly AddedTokenJson[];
  readonly model: ModelJson;
}

/** A normalizer, pre-tokenizer, post-processor or decoder: a type and its settings. */
export interface Component {
  readonly type: string;
  readonly [setting: string]: unknown;
}

/** A token that is found in the text before the model runs. */
export interface AddedTokenJson {
  readonly id: number;
  readonly content: string;
  readonly single_word?: boolean;
  readonly lstrip?: boolean;
  readonly rstrip?: boolean;
  readonly normalized?: boolean;
  readonly special?: boolean;
}

export interface ModelJson {
  readonly type?: string;
  readonly vocab: Readonly<Record<string, number>>;
  readonly merges?: readonly (string | readonly [string, string])[];
  readonly unk_token?: string | null;
  readonly byte_fallback?: boolean;
  readonly ignore_merges?: boolean;
  readonly dropout?: number | null;
  readonly continuing_subword_prefix?: string | null;
  readonly end_of_word_suffix?: string | null;
}

/** The parts of a `tokenizer_config.json` that Millrace reads. */
export interface TokenizerConfigJson {
  readonly bos_token?: SpecialTokenJson;
  readonly eos_token?: SpecialTokenJson;
  readonly pad_token?: SpecialTokenJson;
  readonly unk_token?: SpecialTokenJson;
  readonly chat_template?: string | readonly { readonly name: string; readonly template: string }[];
  readonly tokenizer_class?: string;
  readonly add_bos_token?: boolean;
  readonly add_eos_token?: boolean;
  /** Whether text after a special token gets a space of its own. */
  readonly legacy?: boolean | null;
  /** Added tokens by id. */
  readonly added_tokens_decoder?: Readonly<Record<string, Omit<AddedTokenJson, 'id'>>>;
}

export type SpecialTokenJson = string | { readonly content: string } | null;

/** The components of a `Sequence`, or the component alone. Empty if there is none. */
export function componentsOf(
  component: Component | null | undefined,
  listName: string,
): readonly Component[] {
  if (!component) return [];
  if (component.type !== 'Sequence') return [component];
  const parts = ownValue(component, listName);
  return Array.isArray(parts) ? parts.flatMap((part: Component) => componentsOf(part, listName)) : [];
}
