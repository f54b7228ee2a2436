import { ObjectChangedError, StorageError } from '../core/errors.js';
import { refuseEncoded } from './content-encoding.js';
import {
  contentRange,
  lengthOf,
  type ObjectVersion,
  strongTag,
  validatorOf,
  warnOfNoVersion,
} from './object-version.js';
import { cutShort } from './passing-failure.js';
import type { RemoteAnswer } from './remote-client.js';

/** The version of an object that was opened: every response must be of this version. */
export class OpenedVersion {
  /** Name of the object in messages. */
  readonly #name: string;
  #version: ObjectVersion;

  constructor(name: string, version: ObjectVersion) {
    this.#name = name;
    this.#version = version;
  }

  get version(): ObjectVersion {
    return this.#version;
  }

  /**
   * Request headers with which a server refuses to send another version. A weak `ETag` cannot be used in a condition: it stands for
   * equal meaning, not for equal bytes.
   */
  get headers(): Record<string, string> {
    const tag = strongTag(this.#version);
    return tag === undefined ? {} : { 'if-match': tag };
  }

  /**
   * Checks that a response starts at byte `start` and is of this version.
   *
   * @throws {@link ObjectChangedError} if the object has changed; {@link StorageError} if the server sends other bytes.
   */
  check({ status, headers }: RemoteAnswer, start: number): void {
    const { byteLength } = this.#version;
    if (status === 412 || status === 416) throw this.#changed('is not the version that was opened');
    refuseEncoded(this.#name, headers);
    const validator = validatorOf(headers);
    const isFirst = this.#version.validator === undefined;
    if (isFirst) {
      // The first response of an object whose length a listing gave.
      this.#version = { ...this.#version, validator };
      if (validator === null && this.#version.content === undefined) warnOfNoVersion(this.#name);
    }
    if (validator !== this.#version.validator)
      throw this.#changed(`has the version ${validator}, not ${this.#version.validator}`);
    const range = contentRange(headers);
    const total = status === 206 ? range?.total : lengthOf(headers);
    if (total !== undefined && total !== byteLength) {
      // The same version with another length is a response that broke on its way.
      if (validator !== null && !isFirst) throw cutShort(total, byteLength);
      throw this.#changed(`has ${total} bytes, not ${byteLength}`);
    }
    const first = status === 206 ? range?.start : 0;
    if (first === start) return;
    if (status === 200) throw noRanges(this.#name, byteLength);
    throw new StorageError(`The server sent bytes from ${first} on, not from ${start}`, {
      where: { url: this.#name },
      next: 'Check the server, or a proxy before it.',
    });
  }

  #changed(how: string): ObjectChangedError {
    return new ObjectChangedError(`The object was changed while it was read: it ${how}`, {
      where: { url: this.#name },
      next: 'Open the dataset again, and keep its objects as they are during a run.',
    });
  }
}

/** The error for a server that ignores the range of a request. */
export function noRanges(name: string, byteLength: number): StorageError {
  return new StorageError('The server sends this object only whole, not in ranges', {
    where: { url: name, byteLength },
    next: 'Copy it to a disk or to a server that supports ranges.',
  });
}
