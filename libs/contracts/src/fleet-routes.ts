/** The REST routes of groups and jobs. */
import { group, groupList, groupMembers, jobDevicePage, jobDevicesQuery, jobPage, jobRequest, jobView, pageQuery, selector } from './fleet.ts';
import { fleetExamples } from './fleet-examples.ts';
import type { RestRoute } from './rest-routes.ts';

const GROUP = '/api/v1/groups/{name}';
const JOB = '/api/v1/jobs/{id}';
const body = ['REQUEST_MALFORMED', 'BODY_TOO_LARGE', 'MEDIA_TYPE_UNSUPPORTED'] as const;

const groupRoutes: readonly RestRoute[] = [
  {
    method: 'get', path: '/api/v1/groups', id: 'listGroups', tag: 'groups', leavesOutTenants: true, summary: 'All groups',
    answers: { 200: { description: 'in order of their names', schema: groupList, example: [fleetExamples.group] } },
    problems: ['STORE_UNAVAILABLE'],
  },
  {
    method: 'get', path: GROUP, id: 'getGroup', tag: 'groups', leavesOutTenants: true, summary: 'One group',
    answers: { 200: { description: 'its selector', schema: group, example: fleetExamples.group } },
    problems: ['GROUP_UNKNOWN', 'STORE_UNAVAILABLE'],
  },
  {
    method: 'put', path: GROUP, id: 'putGroup', tag: 'groups', leavesOutTenants: true, summary: 'Keeps a selector under a name; jobs that run go on with the former one',
    body: { schema: selector, examples: { group: fleetExamples.group.selector } },
    answers: { 200: { description: 'stored', schema: group, example: fleetExamples.group } },
    problems: [...body, 'NAME_TAKEN', 'GROUPS_FULL', 'STORE_UNAVAILABLE'],
  },
  {
    method: 'delete', path: GROUP, id: 'deleteGroup', tag: 'groups', leavesOutTenants: true, summary: 'Forgets a group; jobs that run go on',
    answers: { 204: { description: 'forgotten' } },
    problems: ['GROUP_UNKNOWN', 'STORE_UNAVAILABLE'],
  },
  {
    method: 'get', path: `${GROUP}/endpoints`, id: 'listGroupEndpoints', tag: 'groups', leavesOutTenants: true, summary: 'The endpoints that the group selects now, by pages',
    query: pageQuery,
    answers: {
      200: { description: 'a page, which may have few endpoints though others follow; `next` is missing on the last', schema: groupMembers, example: fleetExamples.members },
    },
    problems: ['REQUEST_MALFORMED', 'GROUP_UNKNOWN', 'STORE_UNAVAILABLE'],
  },
];

function action(name: 'pause' | 'resume' | 'cancel', summary: string): RestRoute {
  return {
    method: 'post', path: `${JOB}/${name}`, id: `${name}Job`, tag: 'jobs', leavesOutTenants: true, summary,
    answers: { 200: { description: 'the job as it stands', schema: jobView, example: fleetExamples.job } },
    problems: ['JOB_UNKNOWN', 'JOB_OVER', 'STORE_UNAVAILABLE', 'CONTENDED'],
  };
}

const jobRoutes: readonly RestRoute[] = [
  {
    method: 'post', path: '/api/v1/jobs', id: 'startJob', tag: 'jobs', leavesOutTenants: true, summary: 'Sends the same commands to each endpoint of a group or selector',
    body: { schema: jobRequest, examples: fleetExamples.requests },
    answers: {
      202: {
        description: 'stored; it runs from here on, whichever replica dies', schema: jobView, example: fleetExamples.job,
        headers: { Location: 'address of the job' },
      },
    },
    problems: [...body, 'COMMAND_MALFORMED', 'GROUP_UNKNOWN', 'IDEMPOTENCY_KEY_REUSED', 'JOBS_FULL', 'STORE_UNAVAILABLE'],
  },
  {
    method: 'get', path: '/api/v1/jobs', id: 'listJobs', tag: 'jobs', leavesOutTenants: true, summary: 'Jobs, the newest first, by pages',
    query: pageQuery,
    answers: { 200: { description: 'a page; `next` is missing on the last', schema: jobPage, example: { jobs: [fleetExamples.job] } } },
    problems: ['REQUEST_MALFORMED', 'STORE_UNAVAILABLE'],
  },
  {
    method: 'get', path: JOB, id: 'getJob', tag: 'jobs', leavesOutTenants: true, summary: 'One job and how far it is',
    answers: { 200: { description: 'its state and counts', schema: jobView, example: fleetExamples.job } },
    problems: ['JOB_UNKNOWN', 'STORE_UNAVAILABLE'],
  },
  {
    method: 'get', path: `${JOB}/devices`, id: 'listJobDevices', tag: 'jobs', leavesOutTenants: true, summary: 'The devices of a job and where each stands, by pages',
    query: jobDevicesQuery,
    answers: { 200: { description: 'in order of their names; `next` is missing on the last page', schema: jobDevicePage, example: fleetExamples.devices } },
    problems: ['REQUEST_MALFORMED', 'JOB_UNKNOWN', 'STORE_UNAVAILABLE'],
  },
  action('pause', 'Queues no more commands; those that are queued go on'),
  action('resume', 'Goes on with a paused job'),
  action('cancel', 'Ends a job: commands that are queued and not in flight are cancelled too'),
];

export const fleetRoutes: readonly RestRoute[] = [...groupRoutes, ...jobRoutes];
