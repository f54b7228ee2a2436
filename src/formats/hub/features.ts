import * as v from 'valibot';
import { ConfigError } from '../../core/errors.js';
import { setOwn } from '../../core/record.js';

/**
 * The type of a column of a Hub data set, as `dataset_info` of its card or the metadata of its files declare it. What a value of the
 * type is in a row:
 */
export type HubFeature =
  /** `int32`, `string`, `timestamp[s]`, `binary` and so on: a number, `bigint`, text, boolean, `Date` or bytes. */
  | { readonly kind: 'value'; readonly dtype: string }
  /** The number of a class, which is its position in `names`. */
  | { readonly kind: 'classLabel'; readonly names: readonly string[] }
  /** A uint8 tensor of shape `[3, H, W]`; with `decode: false` the bytes of the file. */
  | { readonly kind: 'image'; readonly decode: boolean }
  /** The bytes of a file that Millrace does not decode: audio, video, a document. */
  | { readonly kind: 'file'; readonly type: string }
  /** An array. */
  | { readonly kind: 'list'; readonly of: HubFeature }
  /** An object. A translation is one with a text for each language. */
  | { readonly kind: 'struct'; readonly fields: Readonly<Record<string, HubFeature>> }
  /** Whatever the file holds: values of several types, or objects with different fields. */
  | { readonly kind: 'any' };

/** The columns of a data set and their types, in order. */
export type HubFeatures = Readonly<Record<string, HubFeature>>;

const value = (dtype: string): HubFeature => ({ kind: 'value', dtype });

const entrySchema = v.record(v.string(), v.unknown());

/**
 * Reads the features of a card, where each column is an entry of a list: `- name: label`, `dtype: int64`.
 *
 * @param where - Whose features they are, for messages.
 * @throws {@link ConfigError} if they have another form.
 */
export function featuresOfCard(list: unknown, where: string): HubFeatures {
  if (!Array.isArray(list)) throw malformed(where, 'are no list of columns');
  const features: Record<string, HubFeature> = {};
  for (const entry of list) {
    const found = v.safeParse(entrySchema, entry);
    const name = found.success ? found.output.name : undefined;
    if (!found.success || typeof name !== 'string') throw malformed(where, 'have an entry without a name');
    const { name: _, ...type } = found.output;
    const feature = featureOfCard(type, where);
    setOwn(features, name, feature);
  }
  return features;
}

function featureOfCard(type: unknown, where: string): HubFeature {
  if (typeof type === 'string') return namedFeature(type);
  if (Array.isArray(type)) return { kind: 'struct', fields: featuresOfCard(type, where) };
  const found = v.safeParse(entrySchema, type);
  if (!found.success) throw malformed(where, 'have a column without a type');
  for (const [key, inner] of Object.entries(found.output)) {
    if (key === 'dtype') return featureOfCard(inner, where);
    if (key === 'struct') return { kind: 'struct', fields: featuresOfCard(inner, where) };
    if (key === 'list' || key === 'large_list') return { kind: 'list', of: featureOfCard(inner, where) };
    if (key === 'sequence') return sequenceOf(featureOfCard(inner, where), Array.isArray(inner));
    const feature = parameterized(key, inner, where);
    if (feature) return feature;
  }
  throw malformed(where, `have a column of the type ${JSON.stringify(type).slice(0, 80)}`);
}

/**
 * Reads the features that `datasets` writes into the metadata of Parquet and Arrow files, as JSON: `{ "label": { "names": […],
 * "_type": "ClassLabel" } }`.
 *
 * @throws {@link ConfigError} if they have another form.
 */
export function featuresOfMetadata(json: unknown, where: string): HubFeatures {
  const found = v.safeParse(entrySchema, json);
  if (!found.success) throw malformed(where, 'are no columns by name');
  return Object.fromEntries(
    Object.entries(found.output).map(([name, type]) => [name, featureOfMetadata(type, where)]),
  );
}

function featureOfMetadata(type: unknown, where: string): HubFeature {
  if (Array.isArray(type)) return { kind: 'list', of: featureOfMetadata(type[0], where) };
  const found = v.safeParse(entrySchema, type);
  if (!found.success) throw malformed(where, 'have a column without a type');
  const { _type: kind, feature, dtype } = found.output;
  if (typeof kind !== 'string') return { kind: 'struct', fields: featuresOfMetadata(type, where) };
  if (kind === 'Value') return value(String(dtype));
  if (kind === 'List' || kind === 'LargeList') return { kind: 'list', of: featureOfMetadata(feature, where) };
  if (kind === 'Sequence') {
    const of = featureOfMetadata(feature, where);
    return sequenceOf(of, of.kind === 'struct');
  }
  const made = parameterized(snakeCase(kind), found.output, where);
  if (made) return made;
  throw malformed(where, `have a column of the type ${kind}`);
}

/** A sequence of objects is stored as an object of lists. */
function sequenceOf(of: HubFeature, isOfObjects: boolean): HubFeature {
  if (!isOfObjects || of.kind !== 'struct') return { kind: 'list', of };
  const lists = Object.entries(of.fields).map(
    ([name, field]) => [name, { kind: 'list', of: field }] as const,
  );
  return { kind: 'struct', fields: Object.fromEntries(lists) };
}

/** A type with a name of its own; `undefined` if it has none. */
function parameterized(name: string, parameters: unknown, where: string): HubFeature | undefined {
  const given = v.safeParse(entrySchema, parameters ?? {});
  const { names, decode, languages, dtype, shape } = given.success ? given.output : {};
  switch (name) {
    case 'class_label':
      return { kind: 'classLabel', names: namesOf(names, where) };
    case 'image':
      return { kind: 'image', decode: decode !== false };
    case 'audio':
    case 'video':
    case 'pdf':
    case 'nifti':
    case 'mesh':
      return { kind: 'file', type: name };
    case 'json':
      return { kind: 'any' };
    case 'translation':
      return { kind: 'struct', fields: translated(languages, value('string')) };
    case 'translation_variable_languages': {
      const texts = { kind: 'list', of: value('string') } as const;
      return { kind: 'struct', fields: { language: texts, translation: texts } };
    }
    default: {
      const dimensions = /^array([2-5])_?d$/.exec(name)?.[1] ?? (Array.isArray(shape) ? shape.length : 0);
      let feature: HubFeature = value(String(dtype));
      for (let depth = 0; depth < Number(dimensions); depth++) feature = { kind: 'list', of: feature };
      return Number(dimensions) > 0 ? feature : undefined;
    }
  }
}

function translated(languages: unknown, of: HubFeature): Record<string, HubFeature> {
  const list = Array.isArray(languages) ? languages : [];
  return Object.fromEntries(list.map((language) => [String(language), of]));
}

/** A type that is written as a name only. */
function namedFeature(name: string): HubFeature {
  const feature = parameterized(snakeCase(name), {}, name);
  return feature && feature.kind !== 'classLabel' ? feature : value(name);
}

/** Names of classes: a list, or an object from their numbers. */
function namesOf(names: unknown, where: string): readonly string[] {
  if (Array.isArray(names)) return names.map(String);
  const found = v.safeParse(entrySchema, names ?? {});
  const entries = found.success ? Object.entries(found.output) : [];
  const sorted = entries.sort(([a], [b]) => Number(a) - Number(b));
  if (!sorted.every(([id], k) => Number(id) === k))
    throw malformed(where, 'have a class label whose numbers are not 0, 1, 2, …');
  return sorted.map(([, name]) => String(name));
}

function snakeCase(name: string): string {
  return name
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1_$2')
    .replace(/([a-z\d])([A-Z])/g, '$1_$2')
    .toLowerCase();
}

function malformed(where: string, what: string): ConfigError {
  return new ConfigError(where, [{ field: 'features', message: what }], {
    next: 'Correct the features, or leave them out.',
  });
}
