import { describe, expect, it } from 'vitest';
import { type Datagram, type DriverTime, type Engine, EngineDriver } from './index.ts';

/** Answers each datagram, tells of it, and wants to be woken at `wakeAtMs`. */
class EchoEngine implements Engine<string> {
  wakeAtMs: number | undefined;
  polls = 0;
  readonly timeouts: number[] = [];
  #out: Datagram[] = [];
  #events: string[] = [];

  handle(nowMs: number, { peer, bytes }: Datagram): void {
    this.say(peer, bytes);
    this.#events.push(`${peer}@${nowMs}`);
  }

  timeout(nowMs: number): void {
    this.timeouts.push(nowMs);
    if (this.wakeAtMs !== undefined && nowMs >= this.wakeAtMs) this.wakeAtMs = undefined;
  }

  poll() {
    this.polls++;
    const polled = { datagrams: this.#out, events: this.#events, wakeAtMs: this.wakeAtMs };
    [this.#out, this.#events] = [[], []];
    return polled;
  }

  say(peer: string, bytes: Uint8Array): void {
    this.#out.push({ peer, bytes });
  }

  tell(event: string): void {
    this.#events.push(event);
  }
}

/** Time that moves when the test says so. */
class FakeTime implements DriverTime {
  now = 1_000;
  timers: { atMs: number; work: () => void }[] = [];
  #soon: (() => void)[] = [];

  nowMs(): number {
    return this.now;
  }

  after(delayMs: number, work: () => void): () => void {
    const timer = { atMs: this.now + delayMs, work };
    this.timers.push(timer);
    return () => void (this.timers = this.timers.filter((each) => each !== timer));
  }

  soon(work: () => void): void {
    this.#soon.push(work);
  }

  endTurn(): void {
    for (const work of this.#soon.splice(0)) work();
  }

  advance(toMs: number): void {
    this.now = toMs;
    const due = this.timers.filter((timer) => timer.atMs <= toMs);
    this.timers = this.timers.filter((timer) => timer.atMs > toMs);
    for (const timer of due) timer.work();
  }
}

function driven() {
  const engine = new EchoEngine();
  const time = new FakeTime();
  const driver = new EngineDriver(engine, time);
  const batches: (readonly Datagram[])[] = [];
  const events: (readonly string[])[] = [];
  driver.attach({ send: (datagrams) => void batches.push(datagrams) });
  driver.onEvents((told) => void events.push(told));
  return { engine, time, driver, batches, events };
}

const datagram = (peer: string): Datagram => ({ peer, bytes: Uint8Array.of(1) });

describe('EngineDriver', () => {
  it('handles a whole batch, polls once, sends and tells once', () => {
    const { engine, driver, batches, events } = driven();
    driver.receive([datagram('a'), datagram('b')], 5);
    expect(engine.polls).toBe(1);
    expect(batches).toEqual([[datagram('a'), datagram('b')]]);
    expect(events).toEqual([['a@5', 'b@5']]);
  });

  it('gathers what is run in one turn', () => {
    const { time, driver, batches } = driven();
    const results = ['a', 'b'].map((peer) => driver.run((engine, nowMs) => {
      engine.say(peer, Uint8Array.of(1));
      return nowMs;
    }));
    expect([results, batches]).toEqual([[1_000, 1_000], []]);
    time.endTurn();
    expect(batches).toEqual([[datagram('a'), datagram('b')]]);
  });

  it('sends what a listener answers in the same flush', () => {
    const { driver, batches } = driven();
    driver.onEvents(() => driver.run((engine) => engine.say('answer', Uint8Array.of(1))));
    driver.receive([datagram('a')]);
    expect(batches.flat().map((each) => each.peer)).toEqual(['a', 'answer']);
  });

  it('gives the event loop its turn when events cause events without end', () => {
    const { driver, engine, time } = driven();
    driver.onEvents(() => driver.run((each) => each.tell('again')));
    driver.receive([datagram('a')]);
    const polls = engine.polls;
    expect(polls).toBeLessThan(20);
    time.endTurn();
    expect(engine.polls).toBeGreaterThan(polls);
  });

  it('keeps one timer, at the earliest deadline', () => {
    const { driver, engine, time } = driven();
    for (const wakeAtMs of [5_000, 3_000, 4_000]) {
      engine.wakeAtMs = wakeAtMs;
      driver.receive([]);
      expect(time.timers.length).toBe(1);
    }
    time.advance(3_000);
    expect(engine.timeouts).toEqual([3_000]);
    expect(time.timers.map((timer) => timer.atMs)).toEqual([4_000]);
    time.advance(4_000);
    expect([engine.timeouts, time.timers]).toEqual([[3_000, 4_000], []]);
  });

  it('wakes at once for a deadline that has passed, and never before one with a fraction', () => {
    const { driver, engine, time } = driven();
    engine.wakeAtMs = 900;
    driver.receive([]);
    expect(time.timers.map((timer) => timer.atMs)).toEqual([1_000]);
    time.advance(1_000);
    engine.wakeAtMs = 1_000.25;
    driver.receive([]);
    expect(time.timers.map((timer) => timer.atMs)).toEqual([1_001]);
  });

  it('waits for a far deadline in steps that a timer can hold', () => {
    const { driver, engine, time } = driven();
    engine.wakeAtMs = 1_000 + 2 ** 40;
    driver.receive([]);
    expect(time.timers.map((timer) => timer.atMs)).toEqual([1_000 + 2 ** 31 - 1]);
    time.advance(1_000 + 2 ** 31 - 1);
    expect(time.timers.length).toBe(1);
  });

  it('goes on after a listener failed', () => {
    const { driver, batches } = driven();
    driver.onEvents(() => {
      throw new Error('bug');
    });
    expect(() => driver.receive([datagram('a')])).toThrow('bug');
    driver.onEvents(() => {});
    driver.receive([datagram('b')]);
    expect(batches.flat().map((each) => each.peer)).toEqual(['a', 'b']);
  });

  it('is silent once closed', () => {
    const { driver, engine, time, batches } = driven();
    engine.wakeAtMs = 2_000;
    driver.run((each) => each.say('a', Uint8Array.of(1)));
    driver.receive([]);
    driver.run((each) => each.say('b', Uint8Array.of(1)));
    driver.close();
    time.endTurn();
    driver.receive([datagram('c')]);
    expect(batches.flat().map((each) => each.peer)).toEqual(['a']);
    expect(time.timers).toEqual([]);
  });
});
