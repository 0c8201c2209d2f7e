/** `npm run test:fuzz`: the DTLS engine's long runs: a million hostile records where every run of the tests sends some ten thousand. */
import { defineConfig } from 'vitest/config';
import units from './vitest.config.ts';

export default defineConfig({
  ...units,
  test: {
    include: ['libs/dtls/fuzz/**/*.test.ts', 'libs/dtls/test/handshakes.test.ts'],
    env: { DTLS_FUZZ_RECORDS: process.env['DTLS_FUZZ_RECORDS'] ?? '1000000', DTLS_RESUMPTIONS: '1000' },
  },
});
