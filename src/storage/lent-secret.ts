import { StorageError } from '../core/errors.js';
import { messageOf } from '../core/thrown.js';

/** In a worker: identifies a secret that another thread holds. */
export interface LentSecret {
  readonly lent: string;
}

/** A secret in options: its value, a function that returns it, or the identifier of one that another thread holds. */
export type Secret<T> = T | (() => T | Promise<T>) | LentSecret;

/** Time limit for the thread that holds a secret, in milliseconds. */
const patienceMs = 30_000;

type Message =
  | { readonly ask: string }
  | { readonly answer: string; readonly value: unknown }
  | { readonly answer: string; readonly problem: string };

const lent = new Map<unknown, LentSecret>();

/**
 * A stand-in for a secret, for recipes: it holds an identifier, with which another thread of this process requests the value. So no
 * recipe contains a secret, and a function is called in the thread that made it.
 */
export function lendSecret<T>(secret: Secret<T>): LentSecret {
  if (isLent(secret)) return secret;
  const known = lent.get(secret);
  if (known) return known;
  const made = { lent: crypto.randomUUID() };
  lent.set(secret, made);
  const channel = openChannel(made);
  channel.onmessage = async ({ data }: { data: Message }) => {
    if (!('ask' in data)) return;
    try {
      channel.postMessage({ answer: data.ask, value: await revealSecret(secret) });
    } catch (error) {
      channel.postMessage({ answer: data.ask, problem: messageOf(error) });
    }
  };
  // Waiting for requests does not keep a thread alive.
  (channel as { unref?(): void }).unref?.();
  return made;
}

/** The value of a secret, requested anew at each call. @throws {@link StorageError} if the thread that holds it does not answer */
export async function revealSecret<T>(secret: Secret<T>): Promise<T> {
  if (!isLent(secret)) return typeof secret === 'function' ? (secret as () => T | Promise<T>)() : secret;
  const channel = openChannel(secret);
  const ask = crypto.randomUUID();
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    return await new Promise<T>((resolve, reject) => {
      channel.onmessage = ({ data }: { data: Message }) => {
        if (!('answer' in data) || data.answer !== ask) return;
        if ('problem' in data) reject(new StorageError(`Cannot get the credentials: ${data.problem}`));
        else resolve(data.value as T);
      };
      timer = setTimeout(() => {
        reject(
          new StorageError(`The thread that has the credentials did not answer for ${patienceMs / 1_000} s`, {
            next: 'Look for work that blocks its event loop.',
          }),
        );
      }, patienceMs);
      channel.postMessage({ ask });
    });
  } finally {
    clearTimeout(timer);
    channel.close();
  }
}

function openChannel({ lent: id }: LentSecret) {
  return new BroadcastChannel(`millrace-secret-${id}`);
}

/** Whether a secret is held by another thread. */
export function isLent(secret: unknown): secret is LentSecret {
  return typeof (secret as Partial<LentSecret> | null)?.lent === 'string';
}
