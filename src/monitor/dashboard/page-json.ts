// JSON has no NaN or infinity: JSON.stringify writes null, which a page would show as 0. They are encoded as {
// "$number": "NaN" }.
import { isRecord } from '../../core/record.js';

const notFinite = '$number';

/** JSON that preserves every number. */
export function toPageJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'number' && !Number.isFinite(item) ? { [notFinite]: String(item) } : item,
  );
}

/** Parses the output of {@link toPageJson}. */
export function fromPageJson(text: string): unknown {
  return JSON.parse(text, (_key, item: unknown) => {
    return isRecord(item) && Object.hasOwn(item, notFinite) ? Number(item[notFinite]) : item;
  });
}
