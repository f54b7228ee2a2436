import { StorageError } from '../core/errors.js';
import type { Reply } from './node-request.js';
import { httpLocation, parseUrl, type RemoteLocation } from './remote-location.js';

/** Most redirects of one request, the limit of browsers. */
export const mostRedirects = 20;

const redirects = new Set([301, 302, 303, 307, 308]);

/** The target of a redirect; `undefined` for other responses. */
export function redirectTarget({ status, headers }: Reply): string | undefined {
  return redirects.has(status) ? (headers.get('location') ?? undefined) : undefined;
}

/**
 * The request that follows a redirect. Headers meant for one server, with credentials and session tokens, are not sent to
 * another: another scheme, host or port receives only the headers that the object needs (`headers`).
 *
 * @throws {@link StorageError} for a target that is not HTTP, or a request that writes.
 */
export async function redirected(
  location: RemoteLocation,
  request: Request,
  target: string,
  headers: Readonly<Record<string, string>>,
): Promise<Request> {
  const url = parseUrl(target, 'The server redirects to something that', request.url);
  const isHttp = url.protocol === 'http:' || url.protocol === 'https:';
  if (!isHttp || request.method !== 'GET') {
    throw new StorageError(
      isHttp
        ? 'The server redirects a write request'
        : 'The server redirects to an address that is not http: or https:',
      {
        where: { url: location.name, to: url.href },
        next: 'Use the address that it redirects to (for S3: AWS_ENDPOINT_URL, AWS_REGION).',
      },
    );
  }
  if (url.origin !== new URL(request.url).origin) return httpLocation(url).request(headers);
  url.username = '';
  url.password = '';
  return new Request(url, { headers: request.headers });
}

export function tooManyRedirects(location: RemoteLocation): StorageError {
  return new StorageError(`The server redirects more than ${mostRedirects} times`, {
    where: { url: location.name },
    next: 'Check the URL: its redirects may lead back to it.',
  });
}
