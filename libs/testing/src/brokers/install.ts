/**
 * Gets what the local brokers need: programs from the system's packages (as root on a Debian-like system), Kafka's jars
 * from Maven Central into a cache. Fails with one line that says what to install.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { BrokerUnavailable } from './process.ts';

const run = promisify(execFile);

/** The Kafka release that tests run against. */
export const KAFKA_VERSION = '4.3.1';

const KAFKA_POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>test</groupId><artifactId>broker</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${KAFKA_VERSION}</version>
    </dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>${KAFKA_VERSION}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
`;
const COPY_DEPENDENCIES = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies';

/** Where downloads are kept between runs: `LWM2M_TEST_CACHE`, else `.cache` of the repository. */
export function cacheDirectory(): string {
  return process.env['LWM2M_TEST_CACHE'] ?? resolve(import.meta.dirname, '../../../../.cache');
}

/** Makes sure that redis-server and redis-cli can be run. */
export async function ensureRedis(): Promise<void> {
  await ensureProgram('redis-server', ['--version'], 'redis-server');
}

/** Makes sure that Java runs and the jars of Kafka and its command line tools are in the cache. Returns the class path. */
export async function ensureKafka(): Promise<string> {
  await ensureProgram('java', ['-version'], 'default-jre-headless');
  await requireJava17();
  const home = join(cacheDirectory(), `kafka-tools-${KAFKA_VERSION}`);
  if (!existsSync(home)) await fetchKafka(home);
  return join(home, '*');
}

/** Maven fills a directory of its own that is renamed when complete: parallel runs and aborted ones do no harm. */
async function fetchKafka(home: string): Promise<void> {
  await ensureProgram('mvn', ['--version'], 'maven');
  await mkdir(cacheDirectory(), { recursive: true });
  const work = await mkdtemp(`${home}-`);
  try {
    await writeFile(join(work, 'pom.xml'), KAFKA_POM);
    const output = join(work, 'jars');
    const goal = [COPY_DEPENDENCIES, '-DincludeScope=runtime', `-DoutputDirectory=${output}`];
    await run('mvn', ['-q', '-B', '-f', join(work, 'pom.xml'), ...goal]);
    await rename(output, home).catch((error: unknown) => {
      if (!existsSync(home)) throw error;
    });
  } catch (cause) {
    throw new BrokerUnavailable(`Kafka ${KAFKA_VERSION} could not be fetched with Maven: ${firstLine(cause)}`, { cause });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Makes sure that a program runs; as root on a Debian-like system it installs the package. Throws {@link BrokerUnavailable}. */
export async function ensureProgram(program: string, probe: readonly string[], debianPackage: string): Promise<void> {
  if (await runs(program, probe)) return;
  const hint = `${program} is missing: install it (Debian, Ubuntu: apt-get install ${debianPackage})`;
  if (process.getuid?.() !== 0 || !(await runs('apt-get', ['--version']))) throw new BrokerUnavailable(hint);
  try {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const wait = ['-o', 'DPkg::Lock::Timeout=300'];
    await run('apt-get', [...wait, 'update'], { env });
    await run('apt-get', [...wait, 'install', '-y', '--no-install-recommends', debianPackage], { env });
  } catch (cause) {
    throw new BrokerUnavailable(`${hint}; trying it failed: ${firstLine(cause)}`, { cause });
  }
  if (!(await runs(program, probe))) throw new BrokerUnavailable(hint);
}

async function runs(program: string, args: readonly string[]): Promise<boolean> {
  return run(program, [...args]).then(() => true, () => false);
}

async function requireJava17(): Promise<void> {
  const { stderr } = await run('java', ['-version']);
  const major = Number(/version "(\d+)/.exec(stderr)?.[1]);
  if (!(major >= 17)) throw new BrokerUnavailable(`Kafka ${KAFKA_VERSION} needs Java 17 or newer; java is version ${major}`);
}

function firstLine(cause: unknown): string {
  return String(cause instanceof Error ? cause.message : cause).split('\n', 2).join(' ');
}
