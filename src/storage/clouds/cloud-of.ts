import { AzureService } from './azure-service.js';
import type { CloudOptions, CloudService } from './cloud-service.js';
import { GoogleService } from './google-service.js';
import { S3Service } from './s3-service.js';

/** The cloud of a URL's scheme; `undefined` for other schemes. @throws {@link ConfigError} for options that it does not know */
export function cloudOf(scheme: string | undefined, options: CloudOptions): CloudService | undefined {
  if (scheme === 's3') return new S3Service(options);
  if (scheme === 'gs') return new GoogleService(options);
  if (scheme === 'az') return new AzureService(options);
  return undefined;
}
