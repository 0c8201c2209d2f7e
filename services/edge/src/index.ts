/** The edge, for a process that embeds it. */
export { runEdge, type EdgeApp } from './app.ts';
export type { EdgeDeps } from './assemble.ts';
export { startEdge, type Edge } from './edge.ts';
export type { HealthParts, Readiness } from './http.ts';
export { objectModel, wireEdge, type Wired } from './wire.ts';
