/** The port through which bootstrap sessions are kept, those that are over and those under way. Adapters: those of `SessionStore`; `@cluster/testing` has its compliance suite. */

export interface KeptBootstrapSession {
  /** Its order as text is that of time. */
  readonly id: string;
  readonly endpoint: string;
  readonly outcome: string;
  /** All of it, and what lists show of it; opaque to the store. */
  readonly record: string;
  readonly summary: string;
}

/** A session under way, for whoever finds later that nobody ended it. */
export interface OpenBootstrapSession {
  readonly id: string;
  /** Opaque to the store. */
  readonly record: string;
}

export interface BootstrapSessionBounds {
  /** Sessions of one endpoint; 0: it is only listed. */
  readonly perEndpoint: number;
  /** Summaries in all, and of each outcome. */
  readonly inAll: number;
}

export interface BootstrapSessionFilter {
  readonly outcome?: string | undefined;
  /** Only those with a smaller id. */
  readonly before?: string | undefined;
  readonly limit: number;
}

export interface BootstrapSessionStore {
  /** A session begins. Of more than `atMost` the oldest are forgotten. */
  openBootstrapSession(session: OpenBootstrapSession, atMost: number): Promise<void>;
  /** Those under way with an id smaller than `before`, the newest first. */
  openBootstrapSessions(page: { readonly before?: string | undefined; readonly limit: number }): Promise<OpenBootstrapSession[]>;
  /** A session is over: keeps it; the oldest beyond the bounds go. A repeat changes nothing. */
  putBootstrapSession(session: KeptBootstrapSession, bounds: BootstrapSessionBounds): Promise<void>;
  /** Records of one endpoint, the newest first. */
  bootstrapSessionsOf(endpoint: string): Promise<string[]>;
  bootstrapSession(endpoint: string, id: string): Promise<string | undefined>;
  /** Summaries, the newest first. */
  bootstrapSessions(filter: BootstrapSessionFilter): Promise<{ readonly id: string; readonly summary: string }[]>;
}
