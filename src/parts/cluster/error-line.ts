import { MillraceError } from '../../core/errors.js';
import { withoutSecrets } from '../../core/shown-location.js';

/** Formats an error and its causes as one line without secrets, to store with a failed job. */
export function lineOf(error: unknown): string {
  const lines: string[] = [];
  for (let each = error; each instanceof Error; each = each.cause)
    lines.push(each instanceof MillraceError ? `${each.code}: ${each.message}` : each.message);
  return withoutSecrets(lines.length > 0 ? lines.join(' Because: ') : String(error));
}
