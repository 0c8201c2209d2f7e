/** Flight 6: our last one in a full handshake: perhaps a ticket, change_cipher_spec, Finished. It leaves once the association is stored. */
import { HandshakeType } from '../messages/handshake.ts';
import type { ServerHandshake } from './handshake.ts';
import { LastFlight } from './last-flight.ts';
import { storeAssociation } from './storing.ts';
import { newSessionTicket } from './ticket.ts';

/** `finishedSequence`: the message_seq of the client's Finished. */
export function completeHandshake(handshake: ServerHandshake, finishedSequence: number): void {
  const { core } = handshake;
  const ticket = newSessionTicket(handshake);
  const finished = core.message(HandshakeType.FINISHED, core.verifyData('server'), 1);
  const flight = new LastFlight(finishedSequence, [...ticket, { kind: 'change-cipher-spec' }, finished], core.recordSequence);
  storeAssociation(handshake, flight, (nowMs, association) => {
    association.lastFlight = flight;
    handshake.complete(nowMs, association);
  });
}
