import { withoutSecrets } from './shown-location.js';
import { visibleText } from './visible-text.js';

/** A warning. */
export interface Warning {
  /** Stable name: match on this. */
  readonly code: `MILLRACE_${string}`;
  readonly message: string;
}

/**
 * Issues a warning, without secrets of URLs: a process warning in Node.js, which programs can observe, elsewhere on
 * the console.
 */
export function warn({ code, message: text }: Warning): void {
  const message = visibleText(withoutSecrets(text));
  const { process } = globalThis as { process?: { emitWarning?: (text: string, options: object) => void } };
  if (process?.emitWarning) process.emitWarning(message, { type: 'MillraceWarning', code });
  else console.warn(`MillraceWarning: ${message}`);
}
