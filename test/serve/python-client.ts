import type { JsonObject } from '../../dist/core/json.js';
import { type RunningPython, startPython } from './python.js';

/** What `python/batches.py` and `python/values.py` read. */
export interface ReadQuestion {
  readonly address: string;
  readonly loader: string;
  readonly options?: object;
  readonly epochs?: number;
  readonly limit?: number;
  readonly state?: JsonObject;
  /** Only `batches.py`: whether to answer with the receipt, too. */
  readonly receipt?: boolean;
  /** Only `values.py`: a transform of its own, and a certificate to trust. */
  readonly transform?: string;
  readonly certificate?: string;
}

/** What `values.py` answers. */
export interface ValuesAnswer extends Omit<ReadAnswer, 'digests'> {
  readonly batches: Record<string, unknown>[];
  /** Of the batches, with `provenance`. */
  readonly origins: readonly unknown[];
  readonly length: number | string;
}

export interface ReadAnswer {
  readonly digests: string[];
  readonly state: JsonObject;
  readonly receipt?: unknown;
  readonly stats: { readonly shared: number; readonly socket: number; readonly retries: number };
}

/** A Python that reads batches on request. */
export class PythonClient {
  readonly #python: RunningPython;
  #answers = 0;

  /** @param program - `values.py` answers with values, `batches.py` with digests. */
  constructor(program: 'batches.py' | 'values.py' = 'batches.py') {
    this.#python = startPython(program);
  }

  /** Asks, and expects an answer of any kind. */
  async ask(question: ReadQuestion): Promise<unknown> {
    this.#python.write(`${JSON.stringify(question)}\n`);
    this.#answers += 1;
    return JSON.parse(await this.#python.nthLine(this.#answers));
  }

  /** Reads batches. */
  async read(question: ReadQuestion): Promise<ReadAnswer> {
    const answer = await this.ask(question);
    if (!(answer as Partial<ReadAnswer>).digests) throw new Error(JSON.stringify(answer));
    return answer as ReadAnswer;
  }

  /** Reads the values of batches; for `values.py`. */
  async values(question: ReadQuestion): Promise<ValuesAnswer> {
    const answer = await this.ask(question);
    if (!(answer as Partial<ValuesAnswer>).batches) throw new Error(JSON.stringify(answer));
    return answer as ValuesAnswer;
  }

  async end(): Promise<void> {
    this.#python.endInput();
    await this.#python.ended;
  }
}
