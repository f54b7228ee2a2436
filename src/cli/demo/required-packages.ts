import { MissingPeerError } from '../../core/errors.js';
import { importPeer } from '../../core/peer.js';
import { loadJax } from './jax-module.js';

const packages = [
  {
    name: 'gpt-tokenizer',
    load: () => importPeer<unknown>('gpt-tokenizer/encoding/cl100k_base', 'millrace demo'),
  },
  { name: '@jax-js/jax', load: loadJax },
];

/**
 * Loads the optional packages that the demo needs, before any work is done.
 *
 * @throws {@link MissingPeerError} naming all that are missing, with one command that installs them.
 */
export async function loadRequiredPackages(): Promise<void> {
  const loaded = await Promise.allSettled(packages.map(({ load }) => load()));
  const failures = loaded.flatMap((result, k) =>
    result.status === 'rejected' ? [{ name: packages[k]!.name, reason: result.reason as unknown }] : [],
  );
  const broken = failures.find(({ reason }) => !(reason instanceof MissingPeerError));
  if (broken) throw broken.reason;
  if (failures.length === 0) return;
  const names = failures.map(({ name }) => name);
  throw new MissingPeerError('millrace demo needs packages that are not installed', {
    where: { packages: names.join(', ') },
    next: `Run: npm install ${names.join(' ')}`,
  });
}
