/** NewSessionTicket: the session, sealed for its client to keep (RFC 5077 §3.3). */
import { sealTicket } from '../association/session.ts';
import type { FlightPart } from '../handshake/flight.ts';
import { HandshakeType } from '../messages/handshake.ts';
import { encodeNewSessionTicket } from '../messages/server-hello.ts';
import type { ServerHandshake } from './handshake.ts';
import { credentialOf } from './storing.ts';

/** Nothing where no ticket was agreed on. */
export function newSessionTicket(handshake: ServerHandshake): FlightPart[] {
  const { choice, offer, issueTicket } = handshake.agreement!;
  const { keys, random, ticketLifetimeS } = handshake.context.settings;
  if (!issueTicket || keys.ticket === undefined) return [];
  const session = {
    suite: choice.suite,
    extendedMasterSecret: offer.extendedMasterSecret,
    masterSecret: handshake.core.keys!.masterSecret,
    credential: credentialOf(handshake),
    provedAtMs: handshake.provedAtMs,
  };
  const body = encodeNewSessionTicket({ lifetimeS: ticketLifetimeS, ticket: sealTicket(keys.ticket, session, random) });
  return [handshake.core.message(HandshakeType.NEW_SESSION_TICKET, body)];
}
