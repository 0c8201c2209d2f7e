/** Makes the association of a handshake and has it stored: before that, no last flight leaves. */
import { EMPTY_BYTES } from '@cluster/bytes';
import type { AssociationFixed, AssociationMoving, Credential } from '../association/record.ts';
import { encodeFixed, encodeMoving } from '../association/record.ts';
import { Association } from './association.ts';
import type { ServerHandshake } from './handshake.ts';
import type { LastFlight } from './last-flight.ts';
import { sendLimit, usesEncryptThenMac } from './negotiation.ts';

/** Whose the association will be. */
export function credentialOf(handshake: ServerHandshake): Credential {
  const { deviceNumber, credentialVersion, identity, validUntilMs } = handshake;
  return { deviceNumber, credentialVersion, identity: identity!, ...(validUntilMs !== undefined && { validUntilMs }) };
}

/** `then` runs once all parts and the first block of send numbers are stored. Without a last flight it is provisional. */
export function storeAssociation(handshake: ServerHandshake, lastFlight: LastFlight | undefined, then: (nowMs: number, association: Association) => void): void {
  const { context } = handshake;
  const fixed = fixedPart(handshake);
  const moving: AssociationMoving = { cid: fixed.cid, fence: 1, sendEnd: context.settings.sendBlock, receiveCeiling: handshake.window.highest, peer: handshake.peer };
  const { opener, sealer } = handshake.core.keys!;
  handshake.ask<boolean>(
    (question) => ({
      kind: 'store-wanted',
      question,
      cid: fixed.cid,
      credential: fixed.credential,
      fixed: encodeFixed(fixed),
      moving: encodeMoving(moving),
      ...(lastFlight !== undefined && { lastFlight: lastFlight.encode() }),
      provisional: lastFlight === undefined,
    }),
    (nowMs, stored) => {
      if (!stored) {
        handshake.abandon(nowMs, 'not-stored');
        return;
      }
      const start = { handle: context.nextHandle(), fixed, moving, opener, sealer, window: handshake.window, overhead: handshake.core.overhead, sendFrom: 0, notFreshUpTo: -1 };
      const association = new Association(start);
      handshake.association = association;
      handshake.core.sealWith(association);
      then(nowMs, association);
    },
  );
}

function fixedPart(handshake: ServerHandshake): AssociationFixed {
  const { choice, offer, cid, cidAgreed, issueTicket, resumed } = handshake.agreement!;
  const { keyBlock, masterSecret } = handshake.core.keys!;
  return {
    suite: choice.suite,
    encryptThenMac: usesEncryptThenMac(offer, choice.suite),
    extendedMasterSecret: offer.extendedMasterSecret,
    keyBlock,
    cid,
    cidAgreed,
    peerCid: cidAgreed ? offer.connectionId! : EMPTY_BYTES,
    sendLimit: sendLimit(offer),
    // Who has a ticket, or resumed by an older id that stays valid, needs no second way.
    masterSecret: issueTicket || resumed ? EMPTY_BYTES : masterSecret,
    provedAtMs: handshake.provedAtMs,
    credential: credentialOf(handshake),
  };
}
