/** What leaves a server engine besides datagrams: what happened, and the questions its driver answers when it can. */
import type { Credential, IdentityKind, PeerIdentity } from '../association/record.ts';
import type { KeyObject } from '../crypto.ts';
import type { PublicKeyResult, PublicKeyWork } from '../keys/public-key-work.ts';
import type { Refusal } from './counters.ts';

/** Names a question; the type says what answers it. Answered once, by `DtlsServer.answer`. */
export type Question<Answer> = number & { readonly answer?: Answer };

/** A pre-shared key and whose it is; undefined for an identity unknown or revoked, which the peer can't tell from a wrong key. */
export type PskAnswer =
  | {
      readonly key: Uint8Array;
      readonly deviceNumber: string;
      readonly credentialVersion: number;
      /** The key that this one replaces under the same identity: the peer may still have it. */
      readonly former?: FormerPsk;
    }
  | undefined;

export interface FormerPsk {
  readonly key: Uint8Array;
  readonly credentialVersion: number;
}

/** A verdict on a certificate chain or raw public key; an alert of OMA's "fail" class sends the device to its bootstrap server. */
export type Verdict =
  | {
      readonly ok: true;
      readonly publicKey: KeyObject;
      readonly identity: Uint8Array;
      readonly deviceNumber: string;
      readonly credentialVersion: number;
      /** As in `Credential`. */
      readonly validUntilMs?: number;
    }
  | { readonly ok: false; readonly alert: number };

/** Whether a session may be resumed: its credential is still the current one. Found by session id, it comes along as it was stored. */
export type ResumptionAnswer = { readonly ok: true; readonly fixed?: Uint8Array } | { readonly ok: false };

/** An association as it was stored; undefined if there is none, or if its credential was revoked. */
export type StoredAssociation = { readonly fixed: Uint8Array; readonly moving: Uint8Array; readonly lastFlight?: Uint8Array } | undefined;

/**
 * A takeover that was stored: the fence was raised, `moving` is what the slot holds now, and the sequence numbers from
 * `sendFrom` up to its `sendEnd` are this worker's. undefined: refused, or the store contradicts what was read before.
 */
export type TakeoverAnswer = { readonly moving: Uint8Array; readonly sendFrom: number } | undefined;

export type DtlsServerEvent = DtlsQuestion | DtlsOccurrence;

export type DtlsQuestion =
  | { readonly kind: 'psk-wanted'; readonly question: Question<PskAnswer>; readonly peer: string; readonly identity: Uint8Array; readonly serverName?: string }
  /** `chain`: DER certificates, the end entity's first; for `rpk` one SubjectPublicKeyInfo. */
  | {
      readonly kind: 'verdict-wanted';
      readonly question: Question<Verdict>;
      readonly peer: string;
      readonly credential: Exclude<IdentityKind, 'psk'>;
      readonly chain: readonly Uint8Array[];
      readonly serverName?: string;
    }
  /** Only with `publicKeyWork: 'asked'`. undefined: it could not be run; the handshake ends and the client tries again. */
  | { readonly kind: 'work-wanted'; readonly question: Question<PublicKeyResult | undefined>; readonly work: PublicKeyWork }
  /** By a ticket (`credential` tells whose it is), or by a session id: the CID under which an association was stored. */
  | {
      readonly kind: 'resumption-wanted';
      readonly question: Question<ResumptionAnswer>;
      readonly peer: string;
      readonly sessionId?: Uint8Array;
      readonly credential?: Credential;
      readonly provedAtMs?: number;
    }
  /**
   * All parts are to be stored, the fixed one sealed, before the last flight leaves. `lastFlight` is needed for as long as
   * the client may repeat its own, two minutes, say. `provisional`: the peer has not yet proved that it holds the keys (an
   * abbreviated handshake), so nothing of the device's slot may give way before `established`.
   */
  | {
      readonly kind: 'store-wanted';
      readonly question: Question<boolean>;
      readonly cid: Uint8Array;
      readonly credential: Credential;
      readonly fixed: Uint8Array;
      readonly moving: Uint8Array;
      readonly lastFlight?: Uint8Array;
      readonly provisional: boolean;
    }
  /** A record of an association that this worker doesn't hold: by its CID, whose MAC was checked, or else by the address. */
  | { readonly kind: 'association-wanted'; readonly question: Question<StoredAssociation>; readonly peer: string; readonly cid?: Uint8Array }
  /** Its record authenticated. `ceiling` and `moveTo` are to be stored in the same step that raises the fence. */
  | {
      readonly kind: 'takeover-wanted';
      readonly question: Question<TakeoverAnswer>;
      readonly credential: Credential;
      readonly cid: Uint8Array;
      readonly fence: number;
      readonly ceiling: number;
      readonly moveTo?: string;
    }
  /** The end of the next block of send numbers is to be stored; answer true once it is. */
  | { readonly kind: 'send-block-wanted'; readonly question: Question<boolean>; readonly association: number; readonly sendEnd: number }
  /** A receive ceiling is to be stored; the records it is for are held until then. */
  | { readonly kind: 'ceiling-wanted'; readonly question: Question<boolean>; readonly association: number; readonly ceiling: number };

/** Why an association is no more in this engine. */
export type ClosedReason = 'close-notify' | 'peer-alert' | 'closed' | 'sequence-numbers' | 'evicted' | 'replaced' | 'discarded';

export type DtlsOccurrence =
  | {
      readonly kind: 'established';
      /** The engine's handle for it, never reused. */
      readonly association: number;
      readonly peer: string;
      readonly cid: Uint8Array;
      readonly credential: Credential;
      /** The IANA name of its cipher suite. */
      readonly suite: string;
      readonly how: 'handshake' | 'resumption' | 'takeover';
      readonly fence: number;
      /** Whether the peer's records carry our CID: else it is found by its address only. */
      readonly cidAgreed: boolean;
      /** The most content bytes of a record the peer takes. */
      readonly sendLimit: number;
      /** The most bytes that a record adds to its content: of the peer's records, and of ours. */
      readonly overhead: { readonly in: number; readonly out: number };
      readonly serverName?: string;
    }
  /**
   * Application data. `fresh` is false at or below the ceiling found at a takeover: a former worker may have had it already,
   * so it must wake no queue. `ceiling` (with `receiveCeiling: 'with-data'` only): to be stored in the same step as what
   * the data does, then told by `ceilingStored`.
   */
  | { readonly kind: 'data'; readonly association: number; readonly peer: string; readonly bytes: Uint8Array; readonly fresh: boolean; readonly ceiling?: number }
  | { readonly kind: 'address-changed'; readonly association: number; readonly from: string; readonly to: string }
  | { readonly kind: 'closed'; readonly association: number; readonly reason: ClosedReason; readonly alert?: number }
  /** A handshake ended without an association; `identity` if one was claimed. */
  | { readonly kind: 'refused'; readonly peer: string; readonly reason: Refusal; readonly alert?: number; readonly identity?: PeerIdentity };
