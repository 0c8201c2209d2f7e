/** How a client shows the brokers who it is, and how it knows them: what connections need of TLS and SASL. */
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import type { SASLOptions } from 'kafkajs';

/** The mechanisms that are spoken, by kafkajs and by the producer of this package. */
export type Sasl =
  | { readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'; readonly username: string; readonly password: () => string }
  | { readonly mechanism: 'oauthbearer'; readonly token: () => string };

/** What is a function is asked for each connection, so that what was renewed meanwhile counts. It may throw. */
export interface KafkaSecurity {
  readonly tls?: () => ConnectionOptions;
  readonly sasl?: Sasl;
}

/** A connection in the clear or over TLS. The name that is asked for (SNI), and has to be in the certificate, is the host's. */
export function openSocket(host: string, port: number, tls: KafkaSecurity['tls'], connected: () => void): Socket {
  if (tls === undefined) return connectTcp({ host, port }, connected);
  return connectTls({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}), ...tls() }, connected);
}

/** The same for kafkajs, which asks for the password at each connection too. */
export function saslOfKafkajs(sasl: Sasl): SASLOptions {
  if (sasl.mechanism === 'oauthbearer') return { mechanism: 'oauthbearer', oauthBearerProvider: async () => ({ value: sasl.token() }) };
  return {
    mechanism: sasl.mechanism as 'plain', // one of three that kafkajs tells apart by type
    username: sasl.username,
    get password() {
      return sasl.password();
    },
  };
}
