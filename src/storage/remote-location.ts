import { StorageError } from '../core/errors.js';
import { shownLocation } from '../core/shown-location.js';

/** An object behind a URL: how to ask for it. */
export interface RemoteLocation {
  /** As messages show it: without secrets. */
  readonly name: string;
  /** The request with these headers, complete with credentials. */
  request(headers: Readonly<Record<string, string>>): Promise<Request> | Request;
  /** What to do when it is not allowed. */
  readonly accessAdvice: string;
  /** What the request is for, in messages. @defaultValue `'read'` */
  readonly verb?: 'read' | 'write';
}

/** An `http:` or `https:` URL; a user and password in it are sent as basic authentication. */
export function httpLocation(url: URL, headers: Readonly<Record<string, string>> = {}): RemoteLocation {
  const plain = new URL(url);
  const { username, password } = plain;
  plain.username = '';
  plain.password = '';
  const credentials = `${decoded(username, decodeURIComponent)}:${decoded(password, decodeURIComponent)}`;
  const authorization = username && {
    authorization: `Basic ${btoa(String.fromCodePoint(...new TextEncoder().encode(credentials)))}`,
  };
  return {
    name: decoded(shownLocation(url), decodeURI),
    request: (more) => new Request(plain, { headers: { ...authorization, ...headers, ...more } }),
    accessAdvice: 'Give the credentials with openSource(url, { headers: { authorization: … } }).',
  };
}

/** A URL from the outside, of a service or a redirect. @throws {@link StorageError} when it is none, without showing its secrets */
export function parseUrl(text: string, what: string, base?: string): URL {
  if (URL.canParse(text, base)) return new URL(text, base);
  throw new StorageError(`${what} is not a URL`, {
    where: { url: text },
    next: 'Write it as https://host/path, with no spaces in the host.',
  });
}

/** What percent signs stand for; the text itself where they stand for nothing. */
export function decoded(text: string, decode: (text: string) => string): string {
  try {
    return decode(text);
  } catch {
    return text;
  }
}
