import * as v from 'valibot';
import { StorageError } from '../core/errors.js';
import { hubEndpoint, hubLocationOf } from './hugging-face-location.js';
import { isMissing } from './is-missing.js';
import { type HubFileEntry, listHubFiles, parseJson } from './list-hub.js';
import { RemoteClient, readText } from './remote-client.js';
import { type StorageOptions, storageOptions } from './storage-options.js';

/** A data set repository of the Hub at one commit. */
export interface HubRepository {
  /** `user/name`, as the Hub spells it. */
  readonly name: string;
  readonly commit: string;
  readonly files: readonly HubFileEntry[];
}

const infoSchema = v.object({ id: v.optional(v.string()), sha: v.pipe(v.string(), v.regex(/^[\w.-]+$/)) });

/**
 * Resolves a revision to a commit and lists its files: two requests, and one for each further thousand files.
 *
 * @param revision - Branch, tag or commit. @defaultValue `main`
 * @throws {@link StorageError} if there is no such data set or revision, or access is denied.
 */
export async function openHubRepository(
  name: string,
  revision: string | undefined,
  options: StorageOptions,
): Promise<HubRepository> {
  const resolved = storageOptions(options);
  const client = new RemoteClient(resolved);
  const shown = `hf://datasets/${name}${revision === undefined ? '' : `@${revision}`}`;
  const address = `${hubEndpoint()}/api/datasets/${name}/revision/${encodeURIComponent(revision ?? 'main')}`;
  const location = hubLocationOf(address, shown, resolved);
  let text: string;
  try {
    text = await client.get(location, {}, (answer) => readText(location, answer));
  } catch (cause) {
    if (!isMissing(cause)) throw cause;
    throw new StorageError('The Hub has no such data set or revision', {
      where: { url: shown },
      next: 'Check the name and the revision. A private data set needs a token: { token }, or HF_TOKEN.',
      cause,
    });
  }
  const info = v.safeParse(infoSchema, parseJson(text));
  if (!info.success)
    throw new StorageError("The Hub's response does not describe a data set", {
      where: { url: shown },
      next: 'Check the endpoint (HF_ENDPOINT).',
    });
  const { sha: commit, id = name } = info.output;
  const listed = await listHubFiles(
    client,
    { kind: 'datasets', repository: id, revision: commit, path: '' },
    resolved,
  );
  return { name: id, commit, files: listed };
}
