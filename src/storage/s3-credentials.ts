/** Credentials that sign requests to S3. */
export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
  /** When they expire. A provider is asked again five minutes before. */
  readonly expiration?: Date | number | string | undefined;
}
