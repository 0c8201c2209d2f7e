/** How an update tells which campaign it belongs to: by its id, which is made of the campaign's, the endpoint and the attempt. */
import { encodeUtf8 } from '@cluster/bytes';
import { sha256 } from '@cluster/secrets';
import { Buffer } from 'node:buffer';

/** Ids of campaigns have 24 characters, digests of endpoints 12; those of other updates are shorter. */
const ID = /^([\w-]{24})-[\w-]{12}-([1-9]\d{0,4})$/;
const DIGEST_BYTES = 9;

/** The id of one attempt at a device: whoever begins it begins the same update. */
export function campaignUpdateId(campaign: string, endpoint: string, attempt: number): string {
  const digest = Buffer.from(sha256(encodeUtf8(endpoint)).subarray(0, DIGEST_BYTES)).toString('base64url');
  return `${campaign}-${digest}-${attempt}`;
}

/** The campaign and attempt of an update; undefined if it belongs to none. */
export function campaignOfUpdate(update: string): { campaign: string; attempt: number } | undefined {
  const [, campaign, attempt] = ID.exec(update) ?? [];
  return campaign === undefined ? undefined : { campaign, attempt: Number(attempt) };
}
