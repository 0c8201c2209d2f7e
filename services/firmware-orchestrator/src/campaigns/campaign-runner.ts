/** Carries on the campaigns that this orchestrator could take. */
import { Injectable } from '@nestjs/common';
import { JobRunner } from '@cluster/nest-kit';

/** A name of its own: the server that holds all services has one of jobs, too. */
@Injectable()
export class CampaignRunner extends JobRunner {}
