/** Pieces of certificates, as pkijs takes them. */
import { BitString, Integer, OctetString, type Sequence, Utf8String } from 'asn1js';
import {
  AttributeTypeAndValue, AuthorityKeyIdentifier, BasicConstraints, Extension, ExtKeyUsage, GeneralName, GeneralNames,
  RelativeDistinguishedNames, Time, TimeType,
} from 'pkijs';

/** RFC 5280 §4.2, RFC 2985 §5.4. */
export const Oid = {
  commonName: '2.5.4.3', subjectKeyId: '2.5.29.14', keyUsage: '2.5.29.15', subjectAltName: '2.5.29.17', basicConstraints: '2.5.29.19',
  authorityKeyId: '2.5.29.35', extKeyUsage: '2.5.29.37', clientAuth: '1.3.6.1.5.5.7.3.2',
  challengePassword: '1.2.840.113549.1.9.7', extensionRequest: '1.2.840.113549.1.9.14', pkcs7Data: '1.2.840.113549.1.7.1', signedData: '1.2.840.113549.1.7.2',
} as const;

/** RFC 5280 §4.1.2.5: UTCTime through 2049. */
const FIRST_GENERALIZED_MS = Date.UTC(2050);
const SECOND_MS = 1_000;
const URI_NAME = 6;
const EMPTY_NAME = Uint8Array.of(0x30, 0).buffer;

/** Whole seconds, as certificates have them. */
export function timeOf(ms: number): Time {
  const type = ms < FIRST_GENERALIZED_MS ? TimeType.UTCTime : TimeType.GeneralizedTime;
  return new Time({ type, value: new Date(Math.floor(ms / SECOND_MS) * SECOND_MS) });
}

/** The INTEGER with this content. */
export function integerOf(content: Uint8Array): Integer {
  return new Integer({ valueHex: Uint8Array.from(content).buffer });
}

/** A name that is a common name alone, or nothing: pkijs would write an empty name as one with an empty part. */
export function nameOf(commonName: string | undefined): RelativeDistinguishedNames {
  if (commonName === undefined) return new RelativeDistinguishedNames({ valueBeforeDecode: EMPTY_NAME });
  const attribute = new AttributeTypeAndValue({ type: Oid.commonName, value: new Utf8String({ value: commonName }) });
  return new RelativeDistinguishedNames({ typesAndValues: [attribute] });
}

export function basicConstraints(ca: boolean): Extension {
  const constraints = new BasicConstraints(ca ? { cA: true, pathLenConstraint: 0 } : {});
  return extension(Oid.basicConstraints, true, constraints.toSchema());
}

/** keyUsage with these bits. RFC 5280 §4.2.1.3 */
export function keyUsage(bits: readonly number[]): Extension {
  const byte = bits.reduce((all, bit) => all | (0x80 >> bit), 0);
  const unusedBits = 7 - Math.max(...bits);
  return extension(Oid.keyUsage, true, new BitString({ valueHex: Uint8Array.of(byte).buffer, unusedBits }));
}

export function purpose(oid: string): Extension {
  return extension(Oid.extKeyUsage, false, new ExtKeyUsage({ keyPurposes: [oid] }).toSchema());
}

/** subjectAltName with one URI; critical where the subject is empty. RFC 5280 §4.2.1.6 */
export function uriName(uri: string, critical: boolean): Extension {
  return extension(Oid.subjectAltName, critical, new GeneralNames({ names: [new GeneralName({ type: URI_NAME, value: uri })] }).toSchema());
}

export function subjectKeyId(id: Uint8Array): Extension {
  return extension(Oid.subjectKeyId, false, octets(id));
}

export function authorityKeyId(id: Uint8Array): Extension {
  return extension(Oid.authorityKeyId, false, new AuthorityKeyIdentifier({ keyIdentifier: octets(id) }).toSchema());
}

function octets(bytes: Uint8Array): OctetString {
  return new OctetString({ valueHex: Uint8Array.from(bytes).buffer });
}

function extension(extnID: string, critical: boolean, value: Pick<Sequence, 'toBER'>): Extension {
  return new Extension({ extnID, critical, extnValue: value.toBER(false) });
}
