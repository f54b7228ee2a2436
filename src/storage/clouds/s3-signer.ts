import { createHash, createHmac } from 'node:crypto';
import { AwsV4Signer } from 'aws4fetch';
import { isNode } from '../../core/platform.js';

/**
 * Signs as aws4fetch does. In Node.js it hashes in this thread: each hash of Web Crypto is a job for other threads, which costs a request
 * to S3 more than sending it.
 */
export class S3Signer extends AwsV4Signer {
  override async signature(): Promise<string> {
    if (!isNode) return super.signature();
    return hmac(this.#signingKey(), await this.stringToSign()).toString('hex');
  }

  override async stringToSign(): Promise<string> {
    if (!isNode) return super.stringToSign();
    const hash = createHash('sha256')
      .update(await this.canonicalString())
      .digest('hex');
    return ['AWS4-HMAC-SHA256', this.datetime, this.credentialString, hash].join('\n');
  }

  /** The key of a day, region and service. */
  #signingKey(): ArrayBuffer {
    const date = this.datetime.slice(0, 8);
    const name = [this.secretAccessKey, date, this.region, this.service].join();
    const known = this.cache.get(name);
    if (known) return known;
    let key: Buffer = Buffer.from(`AWS4${this.secretAccessKey}`);
    for (const part of [date, this.region, this.service, 'aws4_request']) key = hmac(key, part);
    const made = new Uint8Array(key).buffer;
    this.cache.set(name, made);
    return made;
  }
}

function hmac(key: ArrayBuffer | Buffer, text: string): Buffer {
  return createHmac('sha256', Buffer.isBuffer(key) ? key : Buffer.from(key))
    .update(text)
    .digest();
}
