/** Flight 6: our last one in a full handshake: perhaps a ticket, change_cipher_spec, Finished. It leaves once the association is stored. */
import { HandshakeType } from '../messages/handshake.ts';
import type { ServerHandshake } from './handshake.ts';
import { storeAssociation } from './storing.ts';
import { newSessionTicket } from './ticket.ts';

/** `finishedSequence`: the message_seq of the client's Finished, by which its repetition is known. */
export function completeHandshake(handshake: ServerHandshake, finishedSequence: number): void {
  const { core } = handshake;
  storeAssociation(handshake, false, (nowMs, association) => {
    const ticket = newSessionTicket(handshake);
    const finished = core.message(HandshakeType.FINISHED, core.verifyData('server'), 1);
    handshake.protectedOut = true;
    core.sendFlight(nowMs, [...ticket, { kind: 'change-cipher-spec' }, finished], false);
    association.finalFlight = { core, finishedSequence };
    handshake.complete(nowMs, association);
  });
}
