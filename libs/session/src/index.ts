/** Endpoint state: sessions, ownership, downlink queues and observations, and the ports that keep them. */
export * from './ports.ts';
