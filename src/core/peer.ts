import { MissingPeerError } from './errors.js';

/**
 * Loads an optional package when it is first used.
 *
 * @param name - The package, as npm knows it.
 * @param neededBy - What needs it, for the message: `millrace demo`.
 * @throws {@link MissingPeerError} when it is not installed, with the command that installs it. A package that is there
 *   but broken keeps its own error.
 */
export async function importPeer<T>(name: string, neededBy: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    if ((cause as { code?: string }).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new MissingPeerError(`${neededBy} needs the package ${name}, which is not installed`, {
      where: { package: name },
      next: `Run: npm install ${name}`,
      cause,
    });
  }
}
