/** How an update tells which campaign it belongs to: by its id, which is made of the campaign's and the attempt. */

/** Ids of campaigns have 24 characters; those of other updates are shorter. */
const ID = /^([\w-]{24})-([1-9]\d{0,4})$/;

/** The id of one attempt at a device: whoever begins it begins the same update. */
export function campaignUpdateId(campaign: string, attempt: number): string {
  return `${campaign}-${attempt}`;
}

/** The campaign and attempt of an update; undefined if it belongs to none. */
export function campaignOfUpdate(update: string): { campaign: string; attempt: number } | undefined {
  const [, campaign, attempt] = ID.exec(update) ?? [];
  return campaign === undefined ? undefined : { campaign, attempt: Number(attempt) };
}
