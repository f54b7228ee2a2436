/** Whether a failed call is tried again, and how long the server asks to wait. */
export interface FailureKind {
  readonly isPassing: boolean;
  /** Milliseconds that the server asks to wait. */
  readonly waitMs?: number;
}

/** HTTP statuses after which a call may succeed: timeout, conflict, too early, too many requests, and errors of the server. */
const passingStatuses = new Set([408, 409, 425, 429]);
/** Codes of Node.js for a network that fails, and those of its HTTP client (`UND_ERR_…`). */
// cspell:disable-next-line
const passingCodes = /^(ECONN\w+|ETIMEDOUT|EPIPE|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH|UND_ERR_\w+)$/;
const mostCauses = 8;

/**
 * Tells failures that pass from those that do not. Reads the errors of `fetch`, of the `openai` package (`status`,
 * `headers`) and of the `ai` package (`statusCode`, `responseHeaders`, `isRetryable`, `lastError`), and their causes. A
 * failure that nothing is known about is taken for a mistake in the function and does not pass.
 */
export function failureKind(error: unknown): FailureKind {
  let each: unknown = error;
  for (let depth = 0; depth < mostCauses && typeof each === 'object' && each !== null; depth++) {
    const call: FailedCall = each;
    const { status, statusCode, code, name, isRetryable, lastError, cause, response } = call;
    const found = [status, statusCode, response?.status].find((value) => typeof value === 'number');
    if (found !== undefined) {
      const isPassing = isRetryable === true || found >= 500 || passingStatuses.has(found);
      const waitMs = isPassing ? waitOf(call) : undefined;
      return { isPassing, ...(waitMs !== undefined && { waitMs }) };
    }
    if (name === 'TimeoutError' || (typeof code === 'string' && passingCodes.test(code)))
      return { isPassing: true };
    each = lastError ?? cause;
  }
  return { isPassing: false };
}

interface FailedCall {
  readonly status?: number;
  readonly statusCode?: number;
  readonly code?: unknown;
  readonly name?: unknown;
  readonly isRetryable?: unknown;
  readonly lastError?: unknown;
  readonly cause?: unknown;
  readonly headers?: unknown;
  readonly responseHeaders?: unknown;
  readonly response?: { readonly status?: number; readonly headers?: unknown };
}

/** The `Retry-After` header (seconds or a date), or `retry-after-ms`, in milliseconds. */
function waitOf({ headers, responseHeaders, response }: FailedCall): number | undefined {
  for (const each of [headers, responseHeaders, response?.headers]) {
    const ms = Number(headerOf(each, 'retry-after-ms') ?? Number.NaN);
    if (ms >= 0) return ms;
    const text = headerOf(each, 'retry-after');
    if (text === undefined) continue;
    const seconds = Number(text);
    if (seconds >= 0) return seconds * 1_000;
    const date = Date.parse(text);
    if (!Number.isNaN(date)) return Math.max(0, date - Date.now());
  }
  return undefined;
}

function headerOf(headers: unknown, name: string): string | undefined {
  if (headers instanceof Headers) return headers.get(name) ?? undefined;
  if (typeof headers !== 'object' || headers === null) return undefined;
  const entry = Object.entries(headers).find(([key]) => key.toLowerCase() === name);
  return typeof entry?.[1] === 'string' ? entry[1] : undefined;
}
