/** Liveness, readiness and metrics: what an orchestrator and a scraper ask of each service. */
import { Controller, type DynamicModule, Get, Inject, Module, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';

/** One part that the service stands on: `check` resolves when it works, and rejects with the reason when not. */
export interface Probe {
  readonly name: string;
  /** The service has work to do without it: it is told, and traffic still comes. */
  readonly optional?: boolean;
  check(): Promise<void>;
}

/** Gives the text of `/metrics` (Prometheus exposition format). */
export interface MetricsText {
  renderPrometheus(): string;
}

export interface HealthOptions {
  readonly probes: readonly Probe[];
  readonly metrics?: MetricsText | undefined;
  /** A probe that takes longer has failed. */
  readonly probeTimeoutMs?: number;
}

export interface PartHealth {
  readonly status: 'up' | 'down';
  readonly reason?: string;
}

const HEALTH_OPTIONS = Symbol('HealthOptions');

async function checkProbe(probe: Probe, timeoutMs: number): Promise<PartHealth> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  try {
    await Promise.race([probe.check(), late.promise]);
    return { status: 'up' };
  } catch (error) {
    return { status: 'down', reason: error instanceof Error ? error.message : String(error) };
  } finally {
    clearTimeout(timer);
  }
}

@Controller()
export class HealthController {
  readonly #options: HealthOptions;

  constructor(@Inject(HEALTH_OPTIONS) options: HealthOptions) {
    this.#options = options;
  }

  /** The process runs and answers. */
  @Get('health/live')
  live(): { status: 'up' } {
    return { status: 'up' };
  }

  /** 200 while every part works that is not optional, else 503; the body names each part. */
  @Get('health/ready')
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<{ status: 'up' | 'down'; parts: Record<string, PartHealth> }> {
    const timeoutMs = this.#options.probeTimeoutMs ?? 2_000;
    const states = await Promise.all(
      this.#options.probes.map(async (probe) => [probe.name, await checkProbe(probe, timeoutMs)] as const),
    );
    const needed = states.filter((_, index) => this.#options.probes[index]?.optional !== true);
    const status = needed.every(([, state]) => state.status === 'up') ? 'up' : 'down';
    void reply.status(status === 'up' ? 200 : 503);
    return { status, parts: Object.fromEntries(states) };
  }

  @Get('metrics')
  metrics(@Res({ passthrough: true }) reply: FastifyReply): string {
    void reply.header('content-type', 'text/plain; version=0.0.4; charset=utf-8');
    return this.#options.metrics?.renderPrometheus() ?? '';
  }
}

@Module({})
export class HealthModule {
  static register(options: HealthOptions): DynamicModule {
    return {
      module: HealthModule,
      controllers: [HealthController],
      providers: [{ provide: HEALTH_OPTIONS, useValue: options }],
    };
  }
}
