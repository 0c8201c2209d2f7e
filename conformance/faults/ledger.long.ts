/**
 * Each fault under load, with its ledger: what devices saw acknowledged against what a consumer reads. FAULT_S (10) is how
 * long a fault lasts, FAULT_DEVICES (20) how many devices report ten times a second each. The rows are printed.
 */
import { afterAll, expect, test } from 'vitest';
import { faults } from './ledger/faults.ts';
import { hostFaults } from './ledger/host-faults.ts';
import { Scene } from './ledger/scene.ts';

const told = (name: string, otherwise: number): number => Number(process.env[name] ?? otherwise);
const LASTS_MS = told('FAULT_S', 10) * 1_000;
const DEVICES = told('FAULT_DEVICES', 20);

const rows: string[] = [];
afterAll(() => {
  const head = ['| fault | lasts | acknowledged | delivered | repeated, same id | lost | again after |', '|---|---|---|---|---|---|---|'];
  console.log([...head, ...rows].join('\n'));
});

test.for([...faults, ...hostFaults()])('$name', async ({ name, times = 1, open }) => {
  const fault = await open();
  const scene = await Scene.open(`ledger-${rows.length}-${Date.now()}`, DEVICES, fault.options);
  try {
    await fault.happens(scene, LASTS_MS * times);
    const before = scene.fleet.acknowledged.size;
    const overMs = performance.now();
    await scene.underWay(before);
    const againS = (performance.now() - overMs) / 1_000;
    const { acknowledged, delivered, repeated, lost } = await scene.settle();
    rows.push(`| ${name} | ${(LASTS_MS * times) / 1_000} s | ${acknowledged} | ${delivered} | ${repeated} | ${lost} | ${againS.toFixed(1)} s |`);
    console.log(rows.at(-1));
    expect(acknowledged).toBeGreaterThan(0);
  } finally {
    await scene.close();
    await fault.close?.();
  }
});
