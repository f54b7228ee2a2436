import { StorageError } from '../core/errors.js';
import { shownLocation } from '../core/shown-location.js';

/** An object behind a URL, and how to request it. */
export interface RemoteLocation {
  /** Name in messages, without secrets. */
  readonly name: string;
  /** Makes the request with these headers and credentials. */
  request(headers: Readonly<Record<string, string>>): Promise<Request> | Request;
  /** Renews the credentials of a refused request. @returns whether it can be sent again, with others */
  readonly renew?: (refused: Request) => Promise<boolean>;
  /** What to do if access is denied, for messages. */
  readonly accessAdvice: string;
  /** The verb in messages. @defaultValue `'read'` */
  readonly verb?: 'read' | 'write';
}

/** An `http:` or `https:` URL. A user and password in it are sent as basic authentication. */
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

/** Parses a URL of a service or redirect. @throws {@link StorageError} if it is malformed, without showing its secrets */
export function parseUrl(text: string, what: string, base?: string): URL {
  if (URL.canParse(text, base)) return new URL(text, base);
  throw new StorageError(`${what} is not a URL`, {
    where: { url: text },
    next: 'Write it as https://host/path, with no spaces in the host.',
  });
}

/** Decodes percent signs; returns the text itself if they encode nothing. */
export function decoded(text: string, decode: (text: string) => string): string {
  try {
    return decode(text);
  } catch {
    return text;
  }
}
