/** TLS alert descriptions by the names that the stacks print, whatever their spelling: "unknown PSK identity", "UNKNOWN_CA". */

/** RFC 5246 §7.2, RFC 6066 §9, RFC 4279 §6, RFC 8446 §6 (IANA TLS Alerts). */
const NUMBERS: Readonly<Record<string, number>> = {
  closenotify: 0, unexpectedmessage: 10, badrecordmac: 20, decryptionfailed: 21, recordoverflow: 22, decompressionfailure: 30,
  handshakefailure: 40, nocertificate: 41, badcertificate: 42, unsupportedcertificate: 43, certificaterevoked: 44,
  certificateexpired: 45, certificateunknown: 46, illegalparameter: 47, unknownca: 48, accessdenied: 49, decodeerror: 50,
  decrypterror: 51, exportrestriction: 60, protocolversion: 70, insufficientsecurity: 71, internalerror: 80,
  inappropriatefallback: 86, usercanceled: 90, norenegotiation: 100, missingextension: 109, unsupportedextension: 110,
  certificateunobtainable: 111, unrecognizedname: 112, badcertificatestatusresponse: 113, badcertificatehashvalue: 114,
  unknownpskidentity: 115, certificaterequired: 116, noapplicationprotocol: 120,
};

/** The number of an alert description; undefined for a name that is none. */
export function alertNumber(description: string): number | undefined {
  return NUMBERS[description.toLowerCase().replaceAll(/[^a-z]/g, '')];
}
