import { withoutSecrets } from './shown-location.js';
import { visibleText } from './visible-text.js';

/** What a warning says. */
export interface Warning {
  /** Stable name: match on this. */
  readonly code: `MILLRACE_${string}`;
  readonly message: string;
}

/** Warns, without the secrets of URLs, in the platform's own way: a process warning in Node.js, which can be listened to, else the console. */
export function warn({ code, message: text }: Warning): void {
  const message = visibleText(withoutSecrets(text));
  const { process } = globalThis as { process?: { emitWarning?: (text: string, options: object) => void } };
  if (process?.emitWarning) process.emitWarning(message, { type: 'MillraceWarning', code });
  else console.warn(`MillraceWarning: ${message}`);
}
