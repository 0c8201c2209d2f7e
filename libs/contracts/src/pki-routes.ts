/** The REST routes of the certification authority for devices. */
import { issuedCertificatePage, issuedCertificatesQuery, type IssuedCertificateView, revocationQuery } from './pki.ts';
import type { RestRoute } from './rest-routes.ts';

const certificate: IssuedCertificateView = {
  serial: '5d3fa1c0b6e24f7788990a1b2c3d4e5f', endpoint: 'urn:dev:1', sha256: '30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58',
  notBefore: '2026-03-01T08:00:00.000Z', notAfter: '2027-03-01T09:00:00.000Z', state: 'valid',
};

export const pkiRoutes: readonly RestRoute[] = [
  {
    method: 'get', path: '/api/v1/pki/certificates', id: 'listCertificates', tag: 'pki', leavesOutTenants: true,
    summary: 'Certificates that were issued to devices and are kept, those that end first before the others',
    query: issuedCertificatesQuery,
    answers: { 200: { description: 'a page; `next` is missing on the last. What is another tenant’s is left out: a page may have few, though others follow', schema: issuedCertificatePage, example: { certificates: [certificate] } } },
    problems: ['REQUEST_MALFORMED', 'STORE_UNAVAILABLE'],
  },
  {
    method: 'delete', path: '/api/v1/pki/certificates/{serial}', id: 'revokeCertificate', tag: 'pki', leavesOutTenants: true,
    summary: 'Revokes a certificate: it is taken from the device’s credentials, what was made with it ends, and the revocation list has it',
    query: revocationQuery,
    answers: { 204: { description: 'revoked; a repeat changes nothing' } },
    problems: ['REQUEST_MALFORMED', 'CERTIFICATE_UNKNOWN', 'REVOCATIONS_FULL', 'SECRETS_MISSING', 'STORE_UNAVAILABLE', 'CONTENDED'],
  },
  {
    method: 'get', path: '/api/v1/pki/ca', id: 'getAuthority', tag: 'pki', access: 'open', summary: 'The certificate of the authority, then those of its issuers',
    answers: { 200: { description: 'PEM', mediaType: 'application/pem-certificate-chain', example: '-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n' } },
    problems: [],
  },
  {
    method: 'get', path: '/api/v1/pki/crl', id: 'getRevocationList', tag: 'pki', access: 'open', summary: 'The revocation list of the authority',
    answers: { 200: { description: 'DER (RFC 5280 §5), made anew with each revocation, and at least every four days', mediaType: 'application/pkix-crl', example: 'the list' } },
    problems: ['REVOCATIONS_FULL', 'STORE_UNAVAILABLE'],
  },
];
