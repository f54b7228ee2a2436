import { StorageError } from '../core/errors.js';
import { environment } from '../core/platform.js';
import { shownLocation } from '../core/shown-location.js';
import { revealSecret, type Secret } from './lent-secret.js';
import { decoded, httpLocation, parseUrl, type RemoteLocation } from './remote-location.js';

/** The parts of an `hf:` URL. */
export interface HubFile {
  readonly kind: 'datasets' | 'models' | 'spaces';
  /** `user/name`. */
  readonly repository: string;
  readonly revision: string;
  /** Path in the repository. */
  readonly path: string;
}

const form = /^hf:\/\/(?:(datasets|spaces|models)\/)?([^/@]+\/[^/@]+)(?:@([^/]+))?\/(.*)$/;

/**
 * Parses an `hf:` URL: `hf://datasets/user/name@revision/path`. `@revision` is optional, and models have no prefix, as in
 * `huggingface_hub`. A slash in a revision is written `%2F`.
 *
 * @throws {@link StorageError} if the URL has another form.
 */
export function parseHubUrl(url: string): HubFile {
  const [, kind = 'models', repository, revision = 'main', path] = form.exec(url) ?? [];
  if (!repository || path === undefined) {
    throw new StorageError('This is not the URL of a file on the Hugging Face Hub', {
      where: { url },
      next: 'Write hf://datasets/user/name/path, hf://datasets/user/name@revision/path, or hf://user/model/path.',
    });
  }
  return {
    kind: kind as HubFile['kind'],
    repository,
    revision: decoded(revision, decodeURIComponent),
    path: decoded(path, decodeURI),
  };
}

/** Address of the Hub: `HF_ENDPOINT`, or the public one. */
export function hubEndpoint(): string {
  return (environment.HF_ENDPOINT ?? 'https://huggingface.co').replace(/\/+$/, '');
}

/** The authorization header: with the given token, else the one in `HF_TOKEN` or `HUGGING_FACE_HUB_TOKEN`. */
async function hubHeaders(given: Secret<string> | undefined): Promise<Record<string, string>> {
  const known = given === undefined ? undefined : await revealSecret(given);
  const token = known || environment.HF_TOKEN || environment.HUGGING_FACE_HUB_TOKEN;
  return token ? { authorization: `Bearer ${token}` } : {};
}

/** Options of requests to the Hub. */
export interface HubOptions {
  readonly token?: Secret<string> | undefined;
}

/**
 * An address of the Hub. The token goes to the Hub only, wherever the address leads.
 *
 * @param name - What it is, for messages.
 */
export function hubLocationOf(address: string | URL, name: string, { token }: HubOptions): RemoteLocation {
  const url = parseUrl(String(address), 'The address of the Hub (HF_ENDPOINT)');
  const isHub = url.origin === parseUrl(hubEndpoint(), 'The address of the Hub (HF_ENDPOINT)').origin;
  return {
    ...httpLocation(url),
    name: shownLocation(name),
    request: async (headers) =>
      httpLocation(url, isHub ? await hubHeaders(token) : {}).request(headers) as Promise<Request>,
    accessAdvice:
      'Set HF_TOKEN to a token that may read this repository, or give one: { token }. Accept its conditions on the Hub if it has any.',
  };
}

/** A file on the Hugging Face Hub, through its `resolve` URL. */
export function hubLocation(url: string, options: HubOptions): RemoteLocation {
  const { kind, repository, revision, path } = parseHubUrl(url);
  const prefix = kind === 'models' ? '' : `${kind}/`;
  const file = path.split('/').map(encodeURIComponent).join('/');
  const resolved = `${hubEndpoint()}/${prefix}${repository}/resolve/${encodeURIComponent(revision)}/${file}`;
  return hubLocationOf(resolved, url, options);
}
