import type { JsonObject } from '../../dist/core/json.js';
import { type RunningPython, startPython } from './python.js';

/** What `python/batches.py` reads. */
export interface ReadQuestion {
  readonly address: string;
  readonly loader: string;
  readonly options?: object;
  readonly epochs?: number;
  readonly limit?: number;
  readonly state?: JsonObject;
}

export interface ReadAnswer {
  readonly digests: string[];
  readonly state: JsonObject;
  readonly stats: { readonly shared: number; readonly socket: number; readonly retries: number };
}

/** A Python that reads batches on request. */
export class PythonClient {
  readonly #python: RunningPython = startPython('batches.py');
  #answers = 0;

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

  async end(): Promise<void> {
    this.#python.endInput();
    await this.#python.ended;
  }
}
