/** Where a document of a packed row or window comes from. */
export interface DocumentOrigin {
  /** The source; see {@link SampleOrigin}. */
  readonly source: number;
  /** The index of the document in its source. */
  readonly index: number;
  /** Complete passes over the source before this one. */
  readonly pass: number;
  /** The first token of the document that the sample holds. */
  readonly start: number;
  /** Tokens of the document that the sample holds. */
  readonly tokens: number;
}

/** Where a sample of a batch comes from: an element of `batch.origin` (`provenance: true`). */
export interface SampleOrigin {
  /**
   * The source: the number of the dataset in a `MixtureDataset` or `ConcatDataset`, counted through nested ones; 0 without
   * any. Of a row with documents of several sources, that of its first document.
   */
  readonly source: number;
  /** The index of the sample in its source. */
  readonly index: number;
  /** Complete passes over the source before this one. */
  readonly pass: number;
  /** Tokens of the sample without padding; 0 if it has none. */
  readonly tokens: number;
  /** The documents of a packed row or window, if the dataset knows where they end. */
  readonly documents?: readonly DocumentOrigin[];
}

/** An origin as a dataset states it. Without `tokens`, they are counted in the sample. */
export type StatedOrigin = Omit<SampleOrigin, 'tokens'> & { readonly tokens?: number };

/** The draw whose origin is requested. */
export interface OriginContext {
  readonly epoch: number;
  /** Complete passes over the dataset in this epoch before this draw. */
  readonly pass: number;
  readonly globalStep?: number | undefined;
}

/** A dataset that can state origins. */
interface Traceable {
  readonly originAt?: ((index: number, context: OriginContext) => StatedOrigin) | undefined;
  readonly sourceCount?: number | undefined;
}

/** The origin of a sample of any dataset: one that states none is a single source. */
export function originOf(dataset: Traceable, index: number, context: OriginContext): StatedOrigin {
  return dataset.originAt?.(index, context) ?? { source: 0, index, pass: context.epoch + context.pass };
}

/** The origin of a sample of dataset `k` of several: sources count through the datasets before it. */
export function originIn(
  datasets: readonly Traceable[],
  k: number,
  index: number,
  context: OriginContext,
): StatedOrigin {
  let before = 0;
  for (let other = 0; other < k; other++) before += datasets[other]!.sourceCount ?? 1;
  const own = originOf(datasets[k]!, index, context);
  if (before === 0) return own;
  const { source, documents } = own;
  return {
    ...own,
    source: source + before,
    ...(documents && { documents: documents.map((of) => ({ ...of, source: of.source + before })) }),
  };
}

/** The sources of several datasets together. */
export function sourcesOf(datasets: readonly Traceable[]): number {
  return datasets.reduce((sum, { sourceCount = 1 }) => sum + sourceCount, 0);
}

/** The origin of a sample that consists of documents: its source and pass are those of the first one. */
export function originOfDocuments(
  index: number,
  pass: number,
  documents: readonly DocumentOrigin[],
): StatedOrigin {
  const tokens = documents.reduce((sum, document) => sum + document.tokens, 0);
  const first = documents[0];
  return { source: first?.source ?? 0, index, pass: first?.pass ?? pass, tokens, documents };
}

/** The origin that a loader has added to a batch. The property is not enumerable, so that code that walks a batch skips it. */
export function attachedOrigin(batch: unknown): readonly SampleOrigin[] | undefined {
  if (typeof batch !== 'object' || batch === null) return undefined;
  const property = Object.getOwnPropertyDescriptor(batch, 'origin');
  return property && !property.enumerable ? (property.value as readonly SampleOrigin[]) : undefined;
}

/** Adds the origin to a batch, which must take a property. */
export function withOrigin<B extends object>(batch: B, origin: readonly SampleOrigin[]): B {
  return Object.defineProperty(batch, 'origin', { value: origin, configurable: true });
}
