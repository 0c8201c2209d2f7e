/** The store of the simulation is as good as the real ones. */
import { clusterStoreCompliance, sessionStoreCompliance } from '@cluster/testing';
import { MemoryStore } from './memory-store.ts';

const open = async () => ({ store: new MemoryStore(), close: async () => {} });

sessionStoreCompliance('in memory, for simulations', open);
clusterStoreCompliance('in memory, for simulations', open);
