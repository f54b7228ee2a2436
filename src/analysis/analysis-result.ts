import { type ObjectStore, readObject } from '../storage/object-store.js';
import type { AnalysisDescription } from './analysis-description.js';
import type { DeepSpeedParts } from './deepspeed-layout.js';
import { metricPrefix } from './index-files.js';
import { type AnalysisLayout, difficultyPath, type ReducedMetrics } from './reduce-analysis.js';

/** What a finished analysis leaves beside its files, as `analysis.json`: what was asked for and what was found. */
export interface AnalysisRecord extends ReducedMetrics {
  readonly description: AnalysisDescription;
  readonly layout: AnalysisLayout;
  readonly deepSpeedParts: DeepSpeedParts;
}

const name = 'analysis.json';

export function writeRecord(store: ObjectStore, record: AnalysisRecord): Promise<void> {
  return store.put(name, new TextEncoder().encode(`${JSON.stringify(record, null, 2)}\n`));
}

/** What an earlier run found, where it did the same and its files are still there. */
export async function findRecord(
  store: ObjectStore,
  asked: Pick<AnalysisRecord, 'description' | 'layout' | 'deepSpeedParts'>,
): Promise<AnalysisRecord | undefined> {
  const bytes = await readObject(store, name);
  if (!bytes) return undefined;
  const record = parse(new TextDecoder().decode(bytes));
  if (!record) return undefined;
  for (const field of ['description', 'layout', 'deepSpeedParts'] as const)
    if (JSON.stringify(record[field]) !== JSON.stringify(asked[field])) return undefined;
  for (const metric of record.description.metrics)
    if (!(await isThere(store, resultFile(metric, record.layout)))) return undefined;
  return record;
}

/** The file of a metric that is written last. */
function resultFile(
  { name: metric, kind }: { readonly name: string; readonly kind: string },
  layout: AnalysisLayout,
) {
  const prefix = metricPrefix('', metric);
  if (kind === 'count') return `${prefix}_metric_value.idx`;
  return layout === 'native' ? difficultyPath('', metric) : `${prefix}_index_to_sample_percentile_merged.idx`;
}

async function isThere(store: ObjectStore, file: string): Promise<boolean> {
  const source = await store.open(file);
  source?.close();
  return source !== undefined;
}

function parse(text: string): AnalysisRecord | undefined {
  try {
    return JSON.parse(text) as AnalysisRecord;
  } catch {
    return undefined;
  }
}
