/** The REST routes of campaigns of firmware. */
import type { z } from 'zod';
import { campaignDevicePage, type CampaignDevicePage, campaignDevicesQuery, campaignPage, campaignRequest, campaignView, type CampaignView } from './campaigns.ts';
import { pageQuery } from './fleet.ts';
import type { RestRoute } from './rest-routes.ts';

const CAMPAIGN = '/api/v1/firmware/campaigns/{id}';
const body = ['REQUEST_MALFORMED', 'BODY_TOO_LARGE', 'MEDIA_TYPE_UNSUPPORTED'] as const;
const common = { tag: 'firmware', leavesOutTenants: true } as const;

const careful: z.input<typeof campaignRequest> = {
  package: 'pYw1kJx0Q2mG7nVbT4sZdA',
  target: { group: 'street-lights-hall-7' },
  currentVersions: ['2.3.0', '2.3.1'],
  waves: [{ count: 20, approval: true }, { percent: 10, soakS: 3_600 }, { percent: 100 }],
  maxConcurrent: 200,
  perLabel: { label: 'cell', maxConcurrent: 5, bytesPerSecond: 20_000 },
  windows: [{ timeZone: 'Europe/Berlin', days: ['mon', 'tue', 'wed', 'thu'], from: '22:00', to: '05:00' }],
  budget: { failedPercent: 5, lostPercent: 1, minimum: 20 },
  retry: { 'transport': { times: 3, afterS: 600 }, 'result-4': { times: 2 } },
};
const { package: wanted, target: _, ...request } = campaignRequest.parse(careful);

const view: CampaignView = {
  id: 'Vb2l0mCkWf6J1VhXo3sE9Tz7', state: 'running', reason: 'wave 2 of 3: 480 of 1000 devices have begun, 120 have not ended', package: wanted, version: '2.4.1',
  group: 'street-lights-hall-7', selector: { labels: { site: 'hall-7', kind: 'street-light' } }, request, wave: 2, createdAt: '2026-03-01T18:00:00.000Z', selecting: false,
  counts: {
    targets: 10_000, waiting: 9_520, asleep: 15, held: 4, retrying: 1, running: 100, succeeded: 351, failed: { 'result-5': 3, 'transport': 1 }, lost: 1,
    unreachable: 0, skipped: 4, cancelled: 0, superseded: 0,
  },
};
const devices: CampaignDevicePage = {
  devices: [
    {
      endpoint: 'lamp-0001', state: 'failed', reason: 'integrity check of the package failed (Update Result 5)', since: '2026-03-01T22:10:00.000Z', label: 'cell-12',
      wave: 1, attempts: 1, update: 'Vb2l0mCkWf6J1VhXo3sE9Tz7-q1fM4w9Xz0aB-1', stage: 'failed', error: 'result-5',
    },
    { endpoint: 'lamp-0002', state: 'asleep', reason: 'the device sleeps: it is begun when it is awake', since: '2026-03-01T22:00:00.000Z', wave: 2, attempts: 0 },
  ],
  next: 'bGFtcC0wMDAy',
};

function action(name: 'pause' | 'resume' | 'approve' | 'abort', summary: string): RestRoute {
  return {
    ...common, method: 'post', path: `${CAMPAIGN}/${name}`, id: `${name}Campaign`, summary,
    answers: { 200: { description: 'the campaign as it stands', schema: campaignView, example: view } },
    problems: ['CAMPAIGN_UNKNOWN', 'CAMPAIGN_STATE', 'STORE_UNAVAILABLE', 'CONTENDED'],
  };
}

export const campaignRoutes: readonly RestRoute[] = [
  {
    ...common, method: 'post', path: '/api/v1/firmware/campaigns', id: 'startCampaign', summary: 'Brings the devices of a group or selector to a package, in waves',
    body: { schema: campaignRequest, examples: { careful, everywhere: { package: wanted, target: { labels: { kind: 'street-light' } } } } },
    answers: {
      202: {
        description: 'stored; it runs from here on, whichever orchestrator dies', schema: campaignView, example: { ...view, selecting: true },
        headers: { Location: 'address of the campaign' },
      },
    },
    problems: [
      ...body, 'CAMPAIGN_MALFORMED', 'PACKAGE_UNKNOWN', 'PACKAGE_INCOMPLETE', 'GROUP_UNKNOWN', 'CAMPAIGN_TARGETS_NONE', 'CAMPAIGN_OVERLAPS', 'IDEMPOTENCY_KEY_REUSED',
      'CAMPAIGNS_FULL', 'STORE_UNAVAILABLE',
    ],
  },
  {
    ...common, method: 'get', path: '/api/v1/firmware/campaigns', id: 'listCampaigns', summary: 'Campaigns, the newest first, by pages',
    query: pageQuery,
    answers: { 200: { description: 'a page; `next` is missing on the last', schema: campaignPage, example: { campaigns: [view] } } },
    problems: ['REQUEST_MALFORMED', 'STORE_UNAVAILABLE'],
  },
  {
    ...common, method: 'get', path: CAMPAIGN, id: 'getCampaign', summary: 'One campaign, how far it is, and why it stands there',
    answers: { 200: { description: 'its state and counts', schema: campaignView, example: view } },
    problems: ['CAMPAIGN_UNKNOWN', 'STORE_UNAVAILABLE'],
  },
  {
    ...common, method: 'get', path: `${CAMPAIGN}/devices`, id: 'listCampaignDevices', summary: 'The devices of a campaign and why each stands where it stands, by pages',
    query: campaignDevicesQuery,
    answers: { 200: { description: '`next` is missing on the last page; devices of one state come together', schema: campaignDevicePage, example: devices } },
    problems: ['REQUEST_MALFORMED', 'CAMPAIGN_UNKNOWN', 'STORE_UNAVAILABLE'],
  },
  action('pause', 'Begins no more devices; those that have begun go on'),
  action('resume', 'Goes on with a campaign that was paused or halted; the budget counts anew'),
  action('approve', 'Lets the next wave begin'),
  action('abort', 'Ends the campaign: what has not come to the installation is cancelled'),
];
