/** Examples of groups and jobs. A test holds each against its schema. */
import type { z } from 'zod';
import type { Group, JobDevicePage, jobRequest, JobView } from './fleet.ts';

const group: Group = { name: 'street-lights-hall-7', selector: { labels: { site: 'hall-7', kind: 'street-light' }, object: '/3311' } };

const dim: z.input<typeof jobRequest> = {
  target: { group: group.name },
  commands: [{ op: 'write', path: '/3311/0/5851', value: 40 }, { op: 'write', path: '/3311/0/5850', value: true }],
  ratePerSecond: 200,
  maxInFlight: 2_000,
  ttlS: 3_600,
  idempotencyKey: 'evening-2026-03-01',
};
// OMA LwM2M Core 1.1 §6.2: Disable (/1/x/4) for the time in Disable Timeout (/1/x/5).
const suspend: z.input<typeof jobRequest> = {
  target: { endpointPattern: 'meter-*' },
  commands: [{ op: 'write', path: '/1/0/5', value: 7_200 }, { op: 'execute', path: '/1/0/4' }],
};

const job: JobView = {
  id: 'q2l0mCkWf6J1VhXo3sE9Tz7b',
  state: 'running',
  group: group.name,
  selector: group.selector,
  commands: dim.commands,
  ratePerSecond: 200,
  maxInFlight: 2_000,
  ttlS: 3_600,
  createdAt: '2026-03-01T18:00:00.000Z',
  selecting: false,
  counts: {
    targets: 10_000, waiting: 5_200, open: 120, away: 35, done: { '2.04': 4_640, '4.04': 3 }, expired: 0, cancelled: 0, outcomeUnknown: 0,
    refused: { ENDPOINT_UNKNOWN: 37 },
  },
};

const devices: JobDevicePage = {
  devices: [
    { endpoint: 'lamp-0001', state: 'done', step: 1, commandId: 'k.am9iOnE6MQ', code: '2.04', since: '2026-03-01T18:00:01.000Z' },
    { endpoint: 'lamp-0002', state: 'waiting', step: 0, since: '2026-03-01T18:00:00.000Z' },
  ],
  next: 'bGFtcC0wMDAy',
};

export const fleetExamples = {
  group,
  members: { endpoints: ['lamp-0001', 'lamp-0002'], next: 'bGFtcC0wMDAy' },
  requests: { dim, suspend },
  job,
  devices,
} as const;
