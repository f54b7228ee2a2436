/** What a listing says about a version of an object, so that opening it needs no request. */
export interface KnownVersion {
  readonly byteLength: number;
  /** The `ETag` that the object is served with; absent if the first response tells it. */
  readonly etag?: string;
  /** A hash of the content, under which it never changes. */
  readonly content?: string;
}

/** An object of a listing. */
export interface ListedObject {
  /** A path or URL. */
  readonly name: string;
  readonly version?: KnownVersion | undefined;
}
