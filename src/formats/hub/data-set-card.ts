import * as v from 'valibot';
import { ConfigError, FormatError } from '../../core/errors.js';
import { messageOf } from '../../core/thrown.js';
import type { StorageOptions } from '../../storage/storage-options.js';
import { parseJson } from '../text/parse-json.js';
import { type DataRepository, textOf } from './data-repository.js';
import { featuresOfCard, featuresOfMetadata, type HubFeatures } from './features.js';

/** A configuration of a data set, as its card describes it. */
export interface CardConfig {
  readonly name: string;
  /** Patterns of each split; `undefined` if the card leaves the choice to the rules for names. */
  readonly dataFiles: ReadonlyMap<string, readonly string[]> | undefined;
  /** The folder of the configuration, to which patterns are relative. */
  readonly dataDir: string;
  readonly isDefault: boolean;
  readonly features: HubFeatures | undefined;
  /** Other parameters: `sep`, `field`, `drop_labels`. */
  readonly parameters: ReadonlyMap<string, unknown>;
}

/** What a data set says about itself. */
export interface DataSetCard {
  readonly configs: readonly CardConfig[];
  /** `dataset_info` by configuration. */
  readonly infos: ReadonlyMap<string, DataSetInfo>;
}

/** Types and sizes of a configuration. */
export interface DataSetInfo {
  readonly features: HubFeatures | undefined;
  /** Rows of each split. */
  readonly lengths: ReadonlyMap<string, number>;
}

/** Names that a split can have. */
export const splitName = /^[\p{L}\p{N}_]+(\.[\p{L}\p{N}_]+)*$/u;

const paths = v.union([v.string(), v.array(v.string())]);

const configSchema = v.looseObject({
  config_name: v.pipe(v.union([v.string(), v.number()]), v.transform(String)),
  data_files: v.optional(
    v.nullable(
      v.union(
        [
          v.string(),
          v.array(v.string()),
          v.array(
            v.strictObject({
              split: v.pipe(
                v.union([v.string(), v.number()]),
                v.transform(String),
                v.regex(splitName, 'must be a name of letters, digits and underscores'),
              ),
              path: paths,
            }),
          ),
        ],
        'must be a pattern, a list of patterns, or a list of { split, path }',
      ),
    ),
  ),
  data_dir: v.optional(v.nullable(v.string())),
  default: v.optional(v.nullable(v.boolean())),
  features: v.optional(v.unknown()),
});

const cardSchema = v.looseObject({
  configs: v.optional(v.nullable(v.array(configSchema, 'must be a list'))),
  dataset_info: v.optional(v.unknown()),
});

const infoSchema = v.looseObject({
  config_name: v.optional(v.string(), 'default'),
  features: v.optional(v.unknown()),
  splits: v.optional(v.unknown()),
});

/**
 * Reads the YAML of a data set's card (`README.md`), of `.huggingface.yaml`, and the `dataset_infos.json` of old data sets.
 *
 * @throws {@link FormatError} if one is not YAML or JSON; {@link ConfigError} if it does not describe a data set.
 */
export async function readCard(repository: DataRepository, storage: StorageOptions): Promise<DataSetCard> {
  const [readme, standalone, legacy] = await Promise.all(
    ['README.md', '.huggingface.yaml', 'dataset_infos.json'].map((file) => textOf(repository, file, storage)),
  );
  const [, front = ''] = /^---[ \t]*\r?\n(?:([\s\S]*?)\r?\n)?---[ \t]*(?:\r?\n|$)/.exec(readme ?? '') ?? [];
  const where = `${repository.name}/README.md`;
  const written = {
    ...(await yamlOf(front, where)),
    ...(await yamlOf(standalone ?? '', `${repository.name}/.huggingface.yaml`)),
  };
  const card = v.safeParse(cardSchema, written);
  if (!card.success) {
    throw new ConfigError(
      where,
      card.issues.map((issue) => ({ field: v.getDotPath(issue) ?? '', message: issue.message })),
      { next: 'Correct the card, or name the files: openDataset(pattern).' },
    );
  }
  const infos = legacy === undefined ? new Map<string, DataSetInfo>() : legacyInfos(legacy, repository.name);
  for (const [name, info] of infosOfCard(card.output.dataset_info, where)) infos.set(name, info);
  return { configs: (card.output.configs ?? []).map((config) => configOf(config, where)), infos };
}

async function yamlOf(text: string, where: string): Promise<Record<string, unknown>> {
  if (text.trim() === '') return {};
  const { parse } = await import('yaml');
  let found: unknown;
  try {
    found = parse(text, { maxAliasCount: 100, schema: 'core' });
  } catch (cause) {
    throw new FormatError(`The description of the data set is not YAML: ${messageOf(cause).split('\n')[0]}`, {
      where: { file: where },
      next: 'Correct it, or name the files: openDataset(pattern).',
      cause,
    });
  }
  return objectOf(found, where);
}

function objectOf(value: unknown, where: string): Record<string, unknown> {
  if (value === null || value === undefined) return {};
  const found = v.safeParse(v.record(v.string(), v.unknown()), value);
  if (found.success) return found.output;
  throw new FormatError('The description of the data set is not a YAML object', { where: { file: where } });
}

function configOf(config: v.InferOutput<typeof configSchema>, where: string): CardConfig {
  const { config_name: name, data_files, data_dir, default: isDefault, features, ...rest } = config;
  return {
    name,
    dataFiles:
      data_files === undefined || data_files === null ? undefined : patternsBySplit(data_files, where),
    dataDir: data_dir ?? '',
    isDefault: isDefault ?? false,
    features: features === undefined || features === null ? undefined : featuresOfCard(features, where),
    parameters: new Map(Object.entries(rest)),
  };
}

type WrittenFiles = string | readonly string[] | readonly { split: string; path: string | string[] }[];

function patternsBySplit(files: WrittenFiles, where: string): Map<string, readonly string[]> {
  if (typeof files === 'string') return new Map([['train', [files]]]);
  const bySplit = new Map<string, readonly string[]>();
  const ofTrain: string[] = [];
  for (const entry of files) {
    if (typeof entry === 'string') ofTrain.push(entry);
    else if (bySplit.has(entry.split))
      throw new ConfigError(where, [{ field: 'configs', message: `the split ${entry.split} appears twice` }]);
    else bySplit.set(entry.split, typeof entry.path === 'string' ? [entry.path] : entry.path);
  }
  return ofTrain.length > 0 ? new Map([['train', ofTrain]]) : bySplit;
}

function infosOfCard(written: unknown, where: string): [string, DataSetInfo][] {
  if (written === undefined || written === null) return [];
  const list = Array.isArray(written) ? written : [written];
  return list.map((entry) => {
    const found = v.safeParse(infoSchema, entry);
    if (!found.success)
      throw new ConfigError(where, [
        { field: 'dataset_info', message: 'must be an object, or a list of them' },
      ]);
    const { config_name, features, splits } = found.output;
    return [
      config_name,
      {
        features: features === undefined || features === null ? undefined : featuresOfCard(features, where),
        lengths: lengthsOf(splits),
      },
    ];
  });
}

/** `dataset_infos.json`, which `datasets` wrote before cards had `dataset_info`. */
function legacyInfos(text: string, name: string): Map<string, DataSetInfo> {
  const where = `${name}/dataset_infos.json`;
  let json: unknown;
  try {
    json = parseJson(text);
  } catch (cause) {
    throw new FormatError('The file is not JSON', {
      where: { file: where },
      next: 'Correct or remove it.',
      cause,
    });
  }
  const infos = Object.entries(objectOf(json, where)).map(([config, entry]) => {
    const { features, splits } = objectOf(entry, where);
    const known =
      features === undefined || features === null ? undefined : featuresOfMetadata(features, where);
    return [config, { features: known, lengths: lengthsOf(splits) }] as const;
  });
  // A single one has an old name, made of those of the user and the data set.
  return new Map(infos.length === 1 ? [['default', infos[0]![1]]] : infos);
}

const lengthSchema = v.looseObject({ name: v.string(), num_examples: v.number() });

function lengthsOf(splits: unknown): Map<string, number> {
  const list: unknown[] = Array.isArray(splits) ? splits : Object.values(splits ?? {});
  return new Map(
    list.flatMap((entry) => {
      const found = v.safeParse(lengthSchema, entry);
      return found.success ? [[found.output.name, found.output.num_examples] as const] : [];
    }),
  );
}

/**
 * The configuration to read: the requested one, else the only one, else the one that is named `default` or marked as the default.
 *
 * @throws {@link ConfigError} if there is none or several.
 */
export function chooseConfig(
  { configs, infos }: DataSetCard,
  asked: string | undefined,
  name: string,
): CardConfig {
  if (configs.length === 0) {
    const [only = 'default'] = infos.size === 1 ? infos.keys() : [];
    if (asked === undefined || asked === only || asked === 'default') return unnamed(only);
    throw unknownConfig(`there is no configuration ${asked}, only ${only}`);
  }
  const names = configs.map((config) => config.name).join(', ');
  if (asked !== undefined) {
    const found = configs.find((config) => config.name === asked);
    if (found) return found;
    throw unknownConfig(`there is no configuration ${asked}, only ${names}`);
  }
  const defaults =
    configs.length === 1
      ? configs
      : configs.filter((config) => config.name === 'default' || config.isDefault);
  if (defaults.length === 1) return defaults[0]!;
  if (defaults.length === 0) throw unknownConfig(`${name} has several configurations: ${names}. Name one`);
  throw unknownConfig(
    `the card of ${name} has several defaults: ${defaults.map((config) => config.name).join(', ')}. Name one`,
  );
}

function unnamed(name: string): CardConfig {
  return {
    name,
    dataFiles: undefined,
    dataDir: '',
    isDefault: true,
    features: undefined,
    parameters: new Map(),
  };
}

function unknownConfig(message: string): ConfigError {
  return new ConfigError('loadDataset options', [{ field: 'config', message }]);
}
