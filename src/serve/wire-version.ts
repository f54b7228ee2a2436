/** Version of the protocol in docs/wire.md. It changes when a client of the version before would misread something. */
export const wireVersion = 1;
