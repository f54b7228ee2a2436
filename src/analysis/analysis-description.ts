import type { Dataset } from '../core/dataset.js';
import { StateMismatchError } from '../core/errors.js';
import { fingerprint } from '../core/fingerprint.js';
import type { Json, JsonObject } from '../core/json.js';
import { version } from '../core/version.js';
import { datasetFingerprint } from '../datasets/dataset-fingerprint.js';
import type { DeepSpeedParts } from './deepspeed-layout.js';
import type { LoadedMetric } from './metric-source.js';

/**
 * Everything that determines the result of an analysis, as JSON. Its fingerprint names the folder of the parts, so
 * that parts of different analyses never mix. Every worker compares it with its own version, dataset and metrics.
 */
export interface AnalysisDescription extends JsonObject {
  /** Version of Millrace. */
  readonly millrace: string;
  /** Fingerprint of the dataset. */
  readonly dataset: string;
  readonly samples: number;
  readonly partSamples: number;
  readonly metrics: readonly MetricDescription[];
  readonly layout: AnalysisLayout;
  readonly deepSpeedParts: DeepSpeedParts & JsonObject;
}

/** Which files an analysis writes: DeepSpeed's, the native one, or both. */
export type AnalysisLayout = 'deepspeed' | 'native' | 'both';

/** A metric of the analysis. */
export interface MetricDescription extends JsonObject {
  readonly name: string;
  readonly kind: string;
  readonly scale: number;
  readonly code: string;
}

export function describeAnalysis(
  dataset: Dataset<unknown>,
  metrics: readonly LoadedMetric[],
  asked: Pick<AnalysisDescription, 'partSamples' | 'layout'> & { readonly deepSpeedParts: DeepSpeedParts },
): AnalysisDescription {
  const { partSamples, layout } = asked;
  return {
    millrace: version,
    dataset: datasetFingerprint(dataset),
    samples: dataset.length,
    partSamples,
    metrics: metrics.map(({ name, kind, scale, code }) => ({ name, kind, scale, code })),
    layout,
    deepSpeedParts: { ...asked.deepSpeedParts },
  };
}

/** Identifies an analysis: equal for equal descriptions. */
export function analysisId(description: AnalysisDescription): string {
  return fingerprint(description);
}

/**
 * @throws {@link StateMismatchError} naming the first field in which the local analysis differs from the expected
 *   one. The versions of Millrace are equal.
 */
export function checkDescription(wanted: AnalysisDescription, found: AnalysisDescription): void {
  for (const field of ['samples', 'dataset'] as const) {
    if (wanted[field] !== found[field]) throw mismatch(field, wanted[field], found[field]);
  }
  for (const [i, metric] of wanted.metrics.entries()) {
    const own = found.metrics[i];
    for (const field of ['name', 'kind', 'scale', 'code'] as const)
      if (metric[field] !== own?.[field])
        throw mismatch(`metrics.${metric.name}.${field}`, metric[field], own?.[field] ?? null);
  }
}

function mismatch(field: string, wanted: Json, found: Json): StateMismatchError {
  const subject = field.startsWith('metrics') ? 'metric' : 'data set';
  return new StateMismatchError(`This analysis was started with another ${subject}`, {
    where: { field, wanted: String(wanted), here: String(found) },
    next: `Use the same ${subject} on every machine, or start a new analysis from this one.`,
  });
}
