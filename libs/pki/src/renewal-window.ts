/** When a certificate is due for renewal. */

const DAY_MS = 86_400_000;

/** So long before its end; a third of its validity at most, so that one that was just issued is not due. */
export function renewalWindowMs({ caRenewalDays, caValidityDays }: { readonly caRenewalDays: number; readonly caValidityDays: number }): number {
  return Math.min(caRenewalDays, caValidityDays / 3) * DAY_MS;
}
