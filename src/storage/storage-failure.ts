import { StorageError } from '../core/errors.js';
import { ownValue } from '../core/record.js';
import { errorCode, messageOf } from '../core/thrown.js';

const advice: Readonly<Record<string, string>> = {
  ENOENT: 'Check the path: relative paths count from the working directory.',
  EACCES: 'Allow this user to use it, or name another file.',
  EPERM: 'Allow this user to use it, or name another file.',
  EROFS: 'Name a file on a disk that can be written.',
  ENOSPC: 'Make room on the disk, or write somewhere else.',
  EDQUOT: 'Make room within the disk quota, or write somewhere else.',
  EMFILE: 'Close datasets that are no longer needed, or raise the limit of open files (ulimit -n).',
  EISDIR: 'Name a file, not a folder.',
  ENOTDIR: 'Check the path: a part of it is a file, not a folder.',
};

/** A failed file operation as a {@link StorageError} with advice for this kind of failure. */
export function storageFailure(
  verb: 'open' | 'list' | 'read' | 'write',
  file: string,
  cause: unknown,
): StorageError {
  const code = errorCode(cause) ?? '';
  const problem = code === 'ENOENT' ? 'there is no such file or folder' : messageOf(cause);
  return new StorageError(`Cannot ${verb} the file: ${problem}`, {
    where: code ? { file, reason: code } : { file },
    next: ownValue(advice, code) ?? 'Check the disk, then try again.',
    cause,
  });
}
