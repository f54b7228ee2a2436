import { checkedJson, parseCheckedJson } from '../core/checked-json.js';
import { type ObjectStore, readObject } from '../storage/object-store.js';
import { KeyCounts, type KeyCountsJson } from './metrics/key-counts.js';

/** Counts by metric; `undefined` if they are absent or damaged. */
export async function readCounts(
  store: ObjectStore,
  name: string,
): Promise<Map<string, KeyCounts> | undefined> {
  const bytes = await readObject(store, name);
  if (!bytes) return undefined;
  try {
    const byMetric = parseCheckedJson<Record<string, KeyCountsJson>>(new TextDecoder().decode(bytes));
    return new Map(Object.entries(byMetric).map(([metric, json]) => [metric, KeyCounts.fromJson(json)]));
  } catch {
    // Damaged counts are computed again.
    return undefined;
  }
}

export function writeCounts(
  store: ObjectStore,
  name: string,
  counts: ReadonlyMap<string, KeyCounts>,
): Promise<void> {
  const json = Object.fromEntries([...counts].map(([metric, own]) => [metric, own.toJson()]));
  return store.put(name, new TextEncoder().encode(checkedJson(json)));
}
