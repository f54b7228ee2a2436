import { MillraceError } from '../core/errors.js';
import { withoutSecrets } from '../core/shown-location.js';
import { messageOf } from '../core/thrown.js';

/** A refusal with its HTTP status. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  readonly where: Readonly<Record<string, string | number>>;

  constructor(
    status: number,
    code: string,
    message: string,
    where: Readonly<Record<string, string | number>> = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.where = where;
  }
}

const statusByCode: ReadonlyMap<string, number> = new Map([
  ['ERR_MILLRACE_CONFIG', 400],
  ['ERR_MILLRACE_CAPABILITY', 409],
  ['ERR_MILLRACE_CLOSED', 503],
]);

/** An error as status and JSON: see docs/wire.md. Causes are messages; stacks and secrets stay here. */
export function errorReply(error: unknown): { readonly status: number; readonly body: string } {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  const known = error instanceof Refusal || error instanceof MillraceError ? error : undefined;
  const code = known?.code ?? 'ERR_MILLRACE_SERVE';
  const status = error instanceof Refusal ? error.status : (statusByCode.get(code) ?? 500);
  const body = {
    code,
    name,
    message: withoutSecrets(message),
    where: known?.where ?? {},
    causes: causesOf(error),
  };
  return {
    status,
    body: JSON.stringify({ error: body }, (_key, value) => (typeof value === 'bigint' ? `${value}` : value)),
  };
}

function causesOf(error: unknown): string[] {
  const causes: string[] = [];
  let cause: unknown = error instanceof Error ? error.cause : undefined;
  for (; cause !== undefined && causes.length < 10; cause = cause instanceof Error ? cause.cause : undefined)
    causes.push(withoutSecrets(messageOf(cause)));
  return causes;
}
