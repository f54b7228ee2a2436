import { CapabilityError } from '../core/errors.js';
import { LocalGroup } from './local-group.js';
import { connectGroup, type SocketGroupOptions } from './socket-group.js';

/**
 * Communication among the ranks of a group: every rank calls the same functions in the same order. Extend it to use the collectives
 * of your training; two implementations come with it, for ranks of one process and for processes of one machine.
 */
export abstract class Collectives {
  /** Rank within the group. */
  abstract readonly rank: number;
  /** Ranks of the group. */
  abstract readonly size: number;

  /**
   * Gives every rank the values of all ranks, in order of rank. Values are plain data: tensors, typed arrays, numbers, strings, and
   * records and lists of them.
   *
   * @throws if a rank of the group has left, so that no rank waits forever.
   */
  abstract allGather<V>(value: V): Promise<V[]>;

  /** Leaves the group: calls that wait for this rank fail. */
  abstract close(): void | Promise<void>;

  /** The ranks of a group within this process. */
  static inProcess(size: number): Collectives[] {
    const group = new LocalGroup(size);
    return Array.from({ length: size }, (_, rank) => new LocalCollectives(group, rank));
  }

  /**
   * Joins a group of processes of one machine, which meet at a socket. Rank 0 opens it; resolves when all ranks have joined.
   *
   * @throws {@link StorageError} if they have not joined within `timeoutMs`. {@link ConfigError} naming an option at fault.
   */
  static async overSocket(options: SocketGroupOptions): Promise<Collectives> {
    return new SocketCollectives(await connectGroup(options));
  }
}

class LocalCollectives extends Collectives {
  readonly rank: number;
  readonly #group: LocalGroup;

  constructor(group: LocalGroup, rank: number) {
    super();
    this.#group = group;
    this.rank = rank;
  }

  get size(): number {
    return this.#group.size;
  }

  allGather<V>(value: V): Promise<V[]> {
    return this.#group.exchange(this.rank, value) as Promise<V[]>;
  }

  close(): void {
    this.#group.leave(
      new CapabilityError(`Rank ${this.rank} has left the group`, { where: { rank: this.rank } }),
    );
  }
}

class SocketCollectives extends Collectives {
  readonly rank: number;
  readonly size: number;
  readonly #member: Awaited<ReturnType<typeof connectGroup>>;

  constructor(member: Awaited<ReturnType<typeof connectGroup>>) {
    super();
    this.#member = member;
    this.rank = member.rank;
    this.size = member.size;
  }

  allGather<V>(value: V): Promise<V[]> {
    return this.#member.exchange(value) as Promise<V[]>;
  }

  close(): Promise<void> {
    return this.#member.close();
  }
}
