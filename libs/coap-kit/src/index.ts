/** What the services that speak CoAP with devices share: engines, driven on sockets, with DTLS, the peers' identities, clocks and refusals. */
export { blocksFor } from './block-size.ts';
export { CertificateNews, toldCertificates } from './certificate-news.ts';
export { WorkerClock } from './clock.ts';
export { CoapFront, type Outlet, type Way } from './coap-front.ts';
export { type EstDeps, EstResource } from './est.ts';
export { HelloBudget, type HelloLimits } from './dtls/hello-budget.ts';
export { isSecure, type SecurePeer, SecurePeers } from './dtls/secure-peers.ts';
export { type DtlsSecurity, openSecurity } from './dtls/security.ts';
export { TokenBucket } from './dtls/token-bucket.ts';
export { type CoapPorts, listen, type OpenSocket, type OpenSockets } from './listen.ts';
export { refusal, unavailable } from './replies.ts';
export { SystemRng } from './system-rng.ts';
