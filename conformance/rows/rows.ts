/**
 * The rows of the conformance checklist: requirements (Q), the UDP binding and its neighbours (B), features and use cases
 * (F), contradictions between the documents (X). A row is shown by tests whose names carry it; what is shown by tests
 * without its name is listed here, and so is what belongs to a part that is not served over CoAP on UDP alone.
 */

/** A test by its file and its title, as both stand in the source. */
export type NamedTest = readonly [file: string, title: string];

export interface Row {
  readonly id: string;
  readonly what: string;
  /** Tests that show it without naming it. */
  readonly tests?: readonly NamedTest[];
  /** The part that it belongs to, where it is not this one. */
  readonly part?: string;
}

const CASES = 'conformance/cases/';
const REGISTRATION = `${CASES}registration.test.ts`;
const MANAGEMENT = `${CASES}device-management.test.ts`;
const OBJECTS = `${CASES}device-objects.test.ts`;
const FURTHER = `${CASES}further-objects.test.ts`;
const REPORTING = `${CASES}reporting.test.ts`;
const SECURITY = `${CASES}security.test.ts`;
const BOOTSTRAPPING = `${CASES}bootstrap.test.ts`;
const COMPOSITE = `${CASES}composite.test.ts`;
const SIMULATOR = 'conformance/interop/simulator.test.ts';
const BOOTSTRAP = 'bootstrap';
const FIRMWARE = `${CASES}firmware.test.ts`;
const OSCORE = 'OSCORE';
const SMS = 'SMS';
const TCP = 'CoAP over TCP and TLS';

const test = (id: string, what: string, ...tests: NamedTest[]): Row => (tests.length === 0 ? { id, what } : { id, what, tests });
const part = (id: string, what: string, where: string): Row => ({ id, what, part: where });

const requirements: readonly Row[] = [
  test('Q1', 'unique endpoint names'),
  test('Q2', 'binary addressing: options, numeric ids', ['conformance/binding/operations.test.ts', 'B62, B63 are confirmable, with each segment and each query in an option of its own']),
  test('Q3', 'firmware version'),
  test('Q4', 'firmware update', [FIRMWARE, 'Successful Firmware update via CoAP'], [FIRMWARE, 'Successful Firmware update via alternative mechanism']),
  test('Q5', 'report of its result', [FIRMWARE, 'Error Case: Unsuccessful Firmware update']),
  test('Q6', 'power sources'),
  test('Q7', 'report of errors'),
  test('Q8', 'remote restart'),
  test('Q9', 'factory reset'),
  test('Q10', 'disable, lock'),
  test('Q11', 'attached physical resources'),
  test('Q12', 'configuration'),
  test('Q13', 'trigger to connect'),
  test('Q14', 'IPv4 and IPv6'),
  part('Q15', 'SMS', SMS),
  test('Q16', 'session based communication'),
  test('Q17', 'sessionless communication', [REGISTRATION, 'Initial Registration']),
  test('Q18', 'power saving'),
  test('Q19', 'periodic reports'),
  test('Q20', 'event reports'),
  test('Q21', 'configuration of event reports'),
  test('Q22', 'configuration of the period'),
  test('Q23', 'registration and discovery', [REGISTRATION, 'Initial Registration'], [MANAGEMENT, 'Discover Command']),
  test('Q24', 'thresholds'),
  test('Q25', 'radio strength with its time'),
  test('Q26', 'connectivity is read'),
  test('Q27', 'connectivity is reported'),
  test('Q28', 'cell'),
  test('Q29', 'bearer selection', [FURTHER, 'Bearer Selection']),
  test('Q30', 'state of the device, awake or asleep'),
  test('Q31', 'changes of state as events'),
  test('Q32', 'access types of resources'),
  test('Q33', 'groups of resources: objects and instances'),
  test('Q34', 'managing one resource'),
  test('Q35', 'many resources in one request'),
  test('Q36', 'delivery is acknowledged, failure reported', ['conformance/binding/operations.test.ts', 'is told of: what it may have carried out is not sent again']),
  test('Q37', 'address of the connection'),
  test('Q38', 'log of connections'),
  test('Q39', 'no connection for a time'),
  test('Q40', 'restored after it'),
  test('Q41', 'secure communication over DTLS (TLS, OSCORE: see there)', [SECURITY, 'UDP Channel Security - Pre-shared Key Mode'], [SECURITY, 'UDP Channel Security - Certificate Mode']),
  test('Q42', 'repeats have no effect (replay under OSCORE: see there)', [SIMULATOR, 'is answered the same when its request comes twice']),
  test('Q43', 'mutual authentication', [SECURITY, 'Certificate Mode - server identity failure']),
  test('Q44', 'authorization of callers', ['services/registry/src/rest/access.test.ts', 'gives the commands that are granted, and no others']),
  test('Q45', 'integrity'),
  test('Q46', 'confidentiality'),
];

const numbers = (from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, i) => `B${from + i}`);
const parts = (from: number, to: number, what: string, where: string): Row[] => numbers(from, to).map((id) => part(id, what, where));

const binding: readonly Row[] = [
  test('B1', 'no data before authentication'),
  test('B2', 'everything encrypted, and its integrity protected'),
  test('B3', 'replay protection'),
  test('B4', 'responses are bound to their requests'),
  test('B5', 'large values in pieces that are each protected'),
  test('B6', 'secrets at rest'),
  test('B7', 'profile of RFC 7925'),
  test('B8', 'security state is kept long'),
  test('B9', 'every key is one device’s'),
  test('B10', 'further suites'),
  test('B11', 'secp256r1'),
  test('B12', 'no weaker group'),
  test('B13', 'credentials of a bootstrap server', [BOOTSTRAPPING, 'Client Initiated Bootstrap Full (PSK)'], [BOOTSTRAPPING, 'Client Initiated Bootstrap Full (Cert)']),
  test('B14', 'no pre-shared keys of low entropy'),
  test('B15', 'security modes written by bootstrap'),
  test('B16', 'certificates by EST'),
  test('B17', 'credentials that change while a session lives'),
  part('B18', 'change of owner by bootstrap', BOOTSTRAP),
  test('B19', 'the endpoint is that of the credential'),
  test('B20', 'the endpoint may be left out'),
  test('B21', 'the server never begins a handshake'),
  test('B22', 'suites with a pre-shared key'),
  test('B23', 'PSK identities of any 128 bytes'),
  test('B24', 'PSK keys up to 64 bytes'),
  test('B25', 'a pre-shared key written by bootstrap', [BOOTSTRAPPING, 'Client Initiated Bootstrap Full (PSK)']),
  test('B26', 'suites with raw public keys'),
  test('B27', 'raw public keys match exactly'),
  test('B28', 'a raw public key written by bootstrap'),
  test('B29', 'X.509 version 3, its suites'),
  test('B30', 'certificates by the profile of RFC 7925'),
  test('B31', 'the server’s certificate has its name', [SECURITY, 'UDP Channel Security - Certificate Mode'], [SECURITY, 'Certificate Mode - server identity failure']),
  test('B32', 'a certificate written by bootstrap', [BOOTSTRAPPING, 'Client Initiated Bootstrap Full (Cert)']),
  test('B33', 'SNI chooses the certificate'),
  test('B34', 'the device’s clock is set by a Write', [COMPOSITE, 'Write-Composite Operation on Server and Device']),
  part('B35', 'OCSP stapling (which may be left out, and is); new credentials by bootstrap', BOOTSTRAP),
  test('B36', 'certificate usage'),
  test('B37', 'the right alert'),
  test('B38', 'bad records are dropped in silence'),
  test('B39', 'NoSec only where it is wanted'),
  test('B40', 'NoSec: the endpoint belongs to the identity that the network knows'),
  ...parts(41, 45, 'security of SMS', SMS),
  ...parts(46, 53, 'OSCORE', OSCORE),
  test('B54', 'Request-Tag'),
  part('B55', 'freshness by Echo', OSCORE),
  test('B56', 'CoAP, RFC 7252',
    ['libs/coap/src/engine.test.ts', 'are answered in the ACK (RFC 7252 figure 17)'],
    ['libs/coap/src/client/outgoing-requests.test.ts', 'retransmits with binary back-off, then gives up'],
    ['conformance/faults/vectors.test.ts', 'refuses each row that the table names']),
  part('B57', 'CoAP over TCP', TCP),
  test('B58', 'notifications, confirmable or not'),
  test('B59', 'block-wise transfer', [SIMULATOR, 'is written a firmware package block-wise'], [SIMULATOR, 'is read a large value block-wise']),
  test('B60', 'Request-Tag and Echo'),
  test('B61', 'ports; answers from the port that was asked'),
  test('B62', 'options of path and query'),
  test('B63', 'confirmable requests'),
  test('B64', 'alternate path'),
  test('B65', 'no number in it'),
  test('B66', 'no alternate path in bootstrap'),
  test('B67', 'Bootstrap-Request'),
  test('B68', 'Bootstrap-Finish'),
  test('B69', 'commands of bootstrap in any order'),
  test('B70', 'Bootstrap-Read'),
  test('B71', 'Delete and Discover of everything'),
  test('B72', 'Bootstrap-Write'),
  part('B73', 'Echo at the Bootstrap-Request', OSCORE),
  test('B74', 'Register'),
  test('B75', 'location under /rd'),
  test('B76', 'a new Register replaces the former one'),
  test('B77', 'address change without security'),
  part('B78', 'Echo on the first operation', OSCORE),
  test('B79', 'Update'),
  test('B80', 'De-register'),
  test('B81', 'SMS number without +'),
  test('B82', 'repeated Register'),
  test('B83', 'path rules'),
  test('B84', 'Accept'),
  test('B85', 'empty object'),
  test('B86', 'content format of writes'),
  test('B87', 'replace and partial update'),
  test('B88', 'arguments of Execute'),
  test('B89', 'Create'),
  test('B90', 'Delete'),
  test('B91', 'Write-Attributes'),
  test('B92', 'Discover'),
  test('B93', 'Read-Composite'),
  test('B94', 'Write-Composite'),
  test('B95', 'codes of Write'),
  test('B96', 'when a device notifies'),
  test('B97', 'Observe'),
  test('B98', 'cancel by Reset', [REPORTING, 'Cancel Observations using Reset Operation']),
  test('B99', 'cancel by Observe 1'),
  test('B100', 'cancel of a composite'),
  test('B101', 'Send'),
  test('B102', 'queue mode holds requests'),
  test('B103', 'awake by any message; requests after the answer to the Update'),
  test('B104', 'awake for MAX_TRANSMIT_WAIT, configurable for each client'),
  test('B105', 'one interaction at a time'),
  test('B106', 'delivered, or told'),
  test('B107', 'resumption from a new address'),
  test('B108', 'Registration Update Trigger'),
  part('B109', 'trigger by SMS', SMS),
  test('B110', 'response codes'),
  test('B111', 'unknown parameters'),
  test('B112', 'UDP binding'),
  part('B113', 'SMS binding', SMS),
  test('B114', 'ports and retransmission of UDP'),
  part('B115', 'TCP binding', TCP),
  part('B116', 'SMS binding', SMS),
  ...parts(117, 118, 'LoRaWAN binding', 'LoRaWAN'),
  test('B119', 'no object list where it is needed'),
  ...parts(120, 121, 'LoRaWAN binding, its timers', 'LoRaWAN'),
  ...parts(122, 123, 'non-IP delivery', 'NIDD'),
  test('B124', 'no retransmission where the network buffers'),
  test('B125', 'periods that fit each other'),
  test('B126', 'static conformance of security: PSK, RPK, X.509, NoSec', [REGISTRATION, 'Initial Registration']),
];

const features: readonly Row[] = [
  test('F1', 'bootstrap flow', [BOOTSTRAPPING, 'Client Initiated Bootstrap']),
  test('F2', 'configuration flow'),
  test('F3', 'states of firmware update', ['libs/lwm2m/src/firmware/firmware.test.ts', 'is pulled, installed and verified, and leaves no observation']),
  test('F4', 'diagnostics'),
  test('F5', 'connection management'),
  test('F6', 'access control on objects'),
  part('F7', 'wake by SMS', SMS),
  test('F8', 'reboot'),
  test('F9', 'disable for a time'),
  test('F10', 'asking for the registration'),
  part('F11', 'queue mode with SMS (what waits goes after the Update: B103)', SMS),
  test('F12', 'reporting'),
  test('F13', 'lock and wipe (by a bootstrap: see there)'),
  test('F14', 'kinds of credentials'),
  part('F15', 'security by DTLS (B1 to B38), by SMS', SMS),
  test('F16', 'keys replaced in bootstrap', [BOOTSTRAPPING, 'Client Initiated Bootstrap Full (PSK)']),
  test('F17', 'several servers', [`${CASES}multi-server.test.ts`, 'Registration with several servers']),
  test('F18', 'semantics: object definitions and their versions', ['libs/lwm2m/src/model/object-model.test.ts', 'what the device announced wins']),
  test('F19', 'version 1.0', [MANAGEMENT, 'Setting basic information in JSON format'], ['conformance/interop/queue-mode.test.ts', 'gives one command after the other']),
  part('F20', 'LPWAN', 'LoRaWAN and NIDD'),
  part('F21', 'TCP and TLS', TCP),
  test('F22', 'configuration over an upgrade'),
  test('F23', 'composite operations', [COMPOSITE, 'Successful Read-Composite Operation']),
  test('F24', 'bootstrap improvements', [BOOTSTRAPPING, 'Bootstrap Read']),
  part('F25', 'gateway', 'gateway'),
  part('F26', 'secure element', BOOTSTRAP),
  part('F27', 'end to end security', OSCORE),
  test('F28', 'group operations', ['services/registry/src/jobs/jobs.test.ts', 'sends its commands to each device in their order, counts the answers, and tells its states']),
  part('F29', 'HTTP/2 for devices', 'HTTP binding of 1.2'),
  test('F30', 'one identity of a message', ['services/edge/src/simulation/simulation.test.ts', 'keep every promise'], ['conformance/cluster/handover.test.ts', 'gives a repeated Register the same location, whichever edge it reaches']),
  test('F31', 'delayed or no acknowledgement'),
  test('F32', 'quotas of bytes'),
  test('F33', 'storing what is sent at a high rate'),
  test('F34', 'counters for billing'),
  part('F35', 'interworking with oneM2M and others', 'consumers of the events: nothing of it is in the server'),
  test('F36', 'streetlights'),
  test('F37', 'air conditioning'),
  test('F38', 'roles around a car', ['services/registry/src/rest/access.test.ts', 'an endpoint changes its tenant by who administers both']),
  test('F39', 'suspending many devices'),
];

const contradictions: readonly Row[] = [
  test('X1', 'targets of Bootstrap-Read', [BOOTSTRAPPING, 'Bootstrap Read']),
  test('X2', '4.09 and 4.15'),
  test('X3', 'argument of the trigger'),
  test('X4', 'blanks in the object list'),
  test('X5', 'awake time'),
  test('X6', 'suites can be switched off'),
  test('X7', 'unknown parameters'),
  test('X8', 'static conformance lists a row twice: B126', [REGISTRATION, 'Initial Registration']),
  part('X9', 'types of OSCORE ids', OSCORE),
  test('X10', 'ids of object 10', [FURTHER, 'Setting the power saving mode']),
  test('X11', 'LogStart is written or executed', [FURTHER, 'Controlling the event log']),
  test('X12', 'result of a full memory', [FIRMWARE, 'Error Case: Out of memory']),
  test('X13', 'appendices of Core', [OBJECTS, 'Check access to Resources']),
];

export const rows: readonly Row[] = [...requirements, ...binding, ...features, ...contradictions];
