/** Whether this is Node.js, or a platform with the same files, threads and environment. */
export const isNode = typeof process !== 'undefined' && Boolean(process.versions?.node);

/** Environment variables, in the form of `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The environment variables of this process; empty in a browser. */
export const environment: Environment = isNode ? process.env : {};
