import { ownValue } from '../../core/record.js';

/** Credentials that sign requests to S3. */
export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
  /** When they expire. A provider is asked again five minutes before. */
  readonly expiration?: Date | number | string | undefined;
}

/** An OAuth 2.0 access token, for Google Cloud Storage or Azure. */
export interface AccessToken {
  readonly accessToken: string;
  /** When it expires. A provider is asked again five minutes before. */
  readonly expiration?: Date | number | string | undefined;
}

/** A key of an Azure storage account, which signs requests. */
export interface AzureKey {
  /** In base64, as Azure shows it. */
  readonly accountKey: string;
  readonly expiration?: undefined;
}

/** A shared access signature of Azure, which is part of the address. */
export interface AzureSignature {
  /** `sv=…&sig=…` */
  readonly sasToken: string;
  /** When it expires. A provider is asked again five minutes before. */
  readonly expiration?: Date | number | string | undefined;
}

export type AzureCredentials = AccessToken | AzureKey | AzureSignature;

export type CloudCredentials = S3Credentials | AzureCredentials;

/** The fields that make an object credentials; each is text. */
const forms: readonly (readonly string[])[] = [
  ['accessKeyId', 'secretAccessKey'],
  ['accessToken'],
  ['accountKey'],
  ['sasToken'],
];

/** Whether a value has the fields of some kind of credentials. */
export function isCloudCredentials(value: unknown): value is CloudCredentials {
  const fields = (value ?? {}) as Readonly<Record<string, unknown>>;
  return forms.some((names) => names.every((name) => typeof ownValue(fields, name) === 'string'));
}
