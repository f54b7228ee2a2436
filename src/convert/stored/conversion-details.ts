import * as v from 'valibot';
import { dtypes } from '../../core/dtype.js';
import { ConfigError } from '../../core/errors.js';
import { fingerprint } from '../../core/fingerprint.js';
import { integerFrom } from '../../core/options.js';
import { type ModuleRecipe, recipeOf } from '../../core/recipe.js';
import { shownLocation, withoutSecrets } from '../../core/shown-location.js';
import type { WorkPhase } from '../../parts/cluster/work-specification.js';
import { absoluteName } from '../../storage/absolute-name.js';
import type { InputFiles } from '../conversion-input.js';
import type { ConversionPlan, ResolvedConversion } from '../conversion-plan.js';
import { conversionTargets } from '../manifest.js';
import type { StoredConversion } from './stored-parts.js';

const moduleSchema = v.object({
  module: v.string(),
  export: v.string(),
  calls: v.boolean(),
  options: v.optional(v.unknown()),
});

/** What a worker needs to work on a conversion. */
export const conversionDetails = v.object({
  inputs: v.array(v.string()),
  /** Options of the conversion, without functions; modules are named. */
  options: v.record(v.string(), v.unknown()),
  tokenizer: v.optional(moduleSchema),
  map: v.optional(v.object({ fn: moduleSchema })),
  /** Fingerprint of the data and the options as the machine that started the conversion saw them. */
  planned: v.string(),
  partSamples: integerFrom(1),
  conversion: v.object({
    to: v.picklist(conversionTargets),
    output: v.string(),
    job: v.string(),
    inputs: v.array(v.string()),
    samples: integerFrom(0),
    parts: integerFrom(1),
    tokens: v.optional(
      v.object({ dtype: v.picklist(dtypes), dtypeTable: v.picklist(['deepspeed', 'megatron']) }),
    ),
    maxFailures: v.optional(integerFrom(0)),
  }),
});

export type ConversionDetails = v.InferOutput<typeof conversionDetails>;

/** A conversion has one phase: its parts, then the output. */
export function conversionPhases(samples: number, parts: number, partSamples: number): WorkPhase[] {
  return [{ partJob: 'convert', joinJob: 'publish', parts, samples, partSamples }];
}

/** Identifies the data as a machine sees it. Dates of files are left out: a copy of a file has another date. */
export function plannedBy({ identity, parts }: ConversionPlan, { names, byteLength }: InputFiles): string {
  return fingerprint({ identity, parts: parts.length, names, byteLength: byteLength ?? null });
}

/**
 * @throws {@link ConfigError} for URLs with credentials, because others can read the shared store, and for functions,
 *   which other machines cannot load.
 */
export function detailsOf(
  inputs: readonly string[],
  plan: ConversionPlan,
  files: InputFiles,
  options: ResolvedConversion,
  conversion: StoredConversion,
): ConversionDetails {
  const names = inputs.map(absoluteName);
  for (const name of names) if (shownLocation(name) !== name) throw holdsSecrets('inputs', name);
  const { format, columns, textUnit, tokenizer, field, appendEndOfText, dtype, dtypeTable, types, map } =
    options;
  const selection = options.selection && absoluteName(options.selection);
  if (selection && shownLocation(selection) !== selection) throw holdsSecrets('selection', selection);
  const own = typeof tokenizer === 'string' ? undefined : moduleOf(tokenizer, 'tokenizer');
  return {
    inputs: names,
    options: {
      output: options.output,
      to: options.to,
      ...(format && { format }),
      ...(columns && { columns }),
      ...(selection && { selection }),
      textUnit,
      ...(!own && { tokenizer }),
      field,
      appendEndOfText,
      ...(dtype && { dtype }),
      dtypeTable,
      types,
      ...(options.shardSamples !== undefined && { shardSamples: options.shardSamples }),
      ...(map && { limits: map.limits }),
    },
    ...(own && { tokenizer: own }),
    ...(map && { map: { fn: moduleOf(map.fn, 'function') } }),
    planned: plannedBy(plan, files),
    partSamples: Math.max(...plan.parts.map(({ start, end }) => end - start)),
    conversion: { ...conversion, inputs: [...conversion.inputs] },
  };
}

function moduleOf(value: unknown, role: string): ModuleRecipe {
  const recipe = recipeOf(value, role);
  if (!('calls' in recipe))
    throw new ConfigError('convert options', [
      {
        field: role,
        message: 'must be named by its module, so that other machines can load it: workerFunction(…)',
      },
    ]);
  const options = JSON.stringify(recipe.options ?? null);
  if (withoutSecrets(options) !== options) throw holdsSecrets('options', options);
  return recipe;
}

function holdsSecrets(field: string, text: string): ConfigError {
  const message = `${withoutSecrets(text)} may contain credentials, which anyone could read in the shared store: let each machine take them from its environment`;
  return new ConfigError('convert options', [{ field, message }]);
}
