/** Flight 5: the client's answer in a full handshake; and its Finished in an abbreviated one. */
import { EMPTY_BYTES } from '@cluster/bytes';
import { Alert } from '../alerts.ts';
import { sign } from '../crypto.ts';
import type { FlightPart } from '../handshake/flight.ts';
import { pskPremasterSecret } from '../keys/key-schedule.ts';
import { newKeyShare, runPublicKeyWork } from '../keys/public-key-work.ts';
import { encodeCertificateChain, encodeRawPublicKey, encodeSignature } from '../messages/certificates.ts';
import { HandshakeType } from '../messages/handshake.ts';
import { encodeEcdheClientKeyExchange, encodePskIdentity } from '../messages/key-exchange.ts';
import type { ClientHandshake } from './handshake.ts';

/** Certificate, ClientKeyExchange, CertificateVerify as far as they are asked for, then change_cipher_spec and Finished. */
export function sendFlight5(handshake: ClientHandshake, nowMs: number): void {
  const { core, settings, agreement, serverParameters } = handshake;
  const parts: FlightPart[] = [];
  const { certificate } = settings;
  if (handshake.certificateAsked) {
    const body = certificate?.type === 'rpk' ? encodeRawPublicKey(certificate.publicKey ?? EMPTY_BYTES) : encodeCertificateChain(certificate?.chain ?? []);
    parts.push(core.message(HandshakeType.CERTIFICATE, body));
  }
  let premaster: Uint8Array;
  if (serverParameters === undefined) {
    parts.push(core.message(HandshakeType.CLIENT_KEY_EXCHANGE, encodePskIdentity(settings.psk!.identity)));
    premaster = pskPremasterSecret(settings.psk!.key);
  } else {
    const share = newKeyShare(serverParameters.group);
    const agreed = runPublicKeyWork({ kind: 'agree', group: serverParameters.group, privateKey: share.privateKey, point: serverParameters.point });
    if (agreed.kind !== 'agree' || agreed.secret === undefined) {
      handshake.fail(Alert.ILLEGAL_PARAMETER);
      return;
    }
    parts.push(core.message(HandshakeType.CLIENT_KEY_EXCHANGE, encodeEcdheClientKeyExchange(share.point)));
    premaster = agreed.secret;
  }
  handshake.deriveKeys({ premaster, extended: agreement!.extendedMasterSecret });
  const shown = (certificate?.chain?.length ?? certificate?.publicKey?.length ?? 0) > 0;
  if (handshake.certificateAsked && certificate !== undefined && shown) {
    const signature = sign('sha256', core.transcript(), certificate.privateKey);
    parts.push(core.message(HandshakeType.CERTIFICATE_VERIFY, encodeSignature(signature)));
  }
  parts.push({ kind: 'change-cipher-spec' }, core.message(HandshakeType.FINISHED, core.verifyData('client'), 1));
  core.sendFlight(nowMs, parts, true);
}

/** The last flight of an abbreviated handshake; repeated only when the server's comes again. */
export function sendFinished(handshake: ClientHandshake, nowMs: number): void {
  const { core } = handshake;
  const finished = core.message(HandshakeType.FINISHED, core.verifyData('client'), 1);
  core.sendFlight(nowMs, [{ kind: 'change-cipher-spec' }, finished], false);
}
