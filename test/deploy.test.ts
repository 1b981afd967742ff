/** Unit, image and manifests say the ports, paths, commands and users that the program has: compared, for none of them can be run here. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { OPERATOR_GROUPS } from '../src/cli/federation/commands.ts';
import { parseConfig } from '../src/service/config.ts';
import { PrivatePort } from '../src/service/http/private-port.ts';

const read = (name: string): string => readFileSync(join(import.meta.dirname, '..', name), 'utf8');
const unit = read('deploy/systemd/securenn.service');
const image = read('deploy/Dockerfile');
const [statefulSet, service, policy] = ['statefulset', 'service', 'networkpolicy'].map((name) =>
  read(`deploy/kubernetes/${name}.yaml`),
);
const [jobSet, ranks, ranksPolicy] = ['jobset', 'ranks', 'networkpolicy'].map((name) =>
  read(`deploy/jobset/${name}.yaml`),
);
const batch = read('deploy/slurm/securenn.sbatch');
const page = read('docs/deploy.md');
const manual = [page, read('docs/ranks.md'), unit, image, statefulSet].join('\n');

const { listen, links, private: inner } = parseConfig('{ "role": "P0" }', 'party.json');
const PORTS = { address: listen.port, links: links.port, private: inner.port };

/** All that a pattern's group matches. */
function all(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, found]) => found);
}

describe('deploy/', () => {
  it('has the ports that a party has when its configuration says nothing', () => {
    expect(inner.host).toBe('127.0.0.1');
    expect(/^EXPOSE (.*)$/m.exec(image)?.[1].split(' ').map(Number)).toEqual([PORTS.address, PORTS.links]);
    expect(all(image, /127\.0\.0\.1:(\d+)/g).map(Number)).toEqual([PORTS.private]);
    const named = [...statefulSet.matchAll(/- name: (\w+)\n +containerPort: (\d+)/g)];
    expect(Object.fromEntries(named.map(([, name, port]) => [name, Number(port)]))).toEqual(PORTS);
    const served = [...service.matchAll(/- name: (\w+)\n +port: (\d+)\n +targetPort: (\w+)/g)];
    expect(Object.fromEntries(served.map(([, name, port]) => [name, Number(port)]))).toEqual(PORTS);
    for (const [, name, , target] of served) expect(target).toBe(name);
    expect(all(statefulSet, /"private": \{ "host": "0\.0\.0\.0", "port": (\d+) \}/g).map(Number)).toEqual([
      PORTS.private,
    ]);
    for (const port of Object.values(PORTS)) expect(page).toContain(String(port));
  });

  it('asks for what the private port answers', async () => {
    const paths = all([image, statefulSet].join('\n'), /(?:path: |127\.0\.0\.1:\d+)(\/\w+)/g);
    expect(new Set(paths)).toEqual(new Set(['/health', '/ready']));
    const port = await PrivatePort.open({
      ...{ host: '127.0.0.1', port: 0 },
      unready: () => Promise.resolve('draining'),
      metrics: () => Promise.resolve({ contentType: 'text/plain', text: '' }),
      level: () => 'info',
      setLevel: () => undefined,
    });
    try {
      const statuses = paths.map(async (path) => [path, (await fetch(`http://127.0.0.1:${port.port}${path}`)).status]);
      for (const [path, status] of await Promise.all(statuses))
        expect([path, status]).toEqual([path, path === '/health' ? 200 : 503]);
    } finally {
      port.close();
    }
  });

  it('lets nobody but two parties reach the links port', () => {
    const rules = policy.split(/^ {4}- ports:/m).slice(1);
    const of = (port: number): string[] => rules.filter((rule) => rule.includes(`port: ${port}`));
    const [inward, outward] = of(PORTS.links);
    expect(of(PORTS.links)).toHaveLength(2);
    expect(all(inward, /(from:) &parties/g)).toHaveLength(1);
    expect(all(inward, /cidr: (\S+)/g)).toHaveLength(2);
    for (const cidr of all(inward, /cidr: (\S+)/g)) expect(cidr).toMatch(/\/32$/);
    expect(outward).toMatch(/to: \*parties/);
    expect(policy).toMatch(/policyTypes: \['Ingress', 'Egress'\]/);
  });

  it('starts a party with commands that there are, in one folder', () => {
    const start = /party serve --dir (\S+)/;
    expect(start.exec(unit)?.[1]).toBe('/var/lib/securenn/party');
    expect(/^StateDirectory=(.*)$/m.exec(unit)?.[1]).toBe('securenn');
    expect(/^ConditionPathExists=(.*)$/m.exec(unit)?.[1]).toBe('/var/lib/securenn/party/party.json');
    const folder = '/var/lib/securenn/parties/P0';
    expect(JSON.parse(/^CMD (.*)$/m.exec(image)![1])).toEqual(['party', 'serve', '--dir', folder]);
    expect(/^ {10}args: \['party', 'serve', '--dir', '(\S+)'\]/m.exec(statefulSet)?.[1]).toBe(folder);
    expect(statefulSet).toContain(`args: ['${folder}/federation.json']`);
    expect(/^VOLUME (.*)$/m.exec(image)?.[1]).toBe('/var/lib/securenn');
    expect(all(statefulSet, /name: data\n +mountPath: (\S+)/g)).toEqual(['/var/lib/securenn']);
  });

  it('names no command and no option that there is not', () => {
    const typed = all(manual, /\b(party (?:init|serve|check|card|admit|rotate)(?:[^\n]|(?<=\\)\n)*)/g);
    expect(typed.length).toBeGreaterThan(10);
    const [, commands] = OPERATOR_GROUPS.party;
    for (const line of typed) {
      const name = /party (\w+)/.exec(line)![1];
      expect(Object.keys(commands)).toContain(name);
      for (const option of all(line, /(?<!\w)--([a-z-]+)(?= )/g))
        expect(Object.keys(commands[name].options)).toContain(option);
    }
  });

  it('runs as a user without rights, the same in image and manifests', () => {
    const user = /^USER (\d+):(\d+)$/m.exec(image)!;
    expect(user[1]).not.toBe('0');
    expect(all(statefulSet, /runAsUser: (\d+)/g)).toEqual([user[1]]);
    expect(all(statefulSet, /(?:runAsGroup|fsGroup): (\d+)/g)).toEqual([user[2], user[2]]);
    expect(statefulSet).toMatch(/fsGroupChangePolicy: OnRootMismatch/);
    expect(unit).toMatch(/^User=securenn$/m);
    expect(read('deploy/systemd/securenn.sysusers.conf')).toMatch(
      /^u securenn - ".*" \/var\/lib\/securenn \/usr\/sbin\/nologin$/m,
    );
  });

  it('leaves jobs time to keep a checkpoint, the same everywhere', () => {
    const seconds = Number(/terminationGracePeriodSeconds: (\d+)/.exec(statefulSet)?.[1]);
    expect(60 * Number(/^TimeoutStopSec=(\d+)min$/m.exec(unit)?.[1])).toBe(seconds);
    expect(Number(/--stop-timeout (\d+)/.exec(page)?.[1])).toBe(seconds);
    expect(unit).toMatch(/^KillSignal=SIGTERM$/m);
  });

  it('starts ranks with options that there are, in the folder and as the user of a party, at one port everywhere', () => {
    const { options } = OPERATOR_GROUPS.party[1].serve;
    const given = all(/args:\n( {20}- [^]*?)\n {18}env:/.exec(jobSet)![1], /- --([a-z-]+)\n/g);
    expect(given).toEqual(['dir', 'ranks', 'hosts']);
    const typed = all(/party serve[^']*/.exec(batch)![0], /--([a-z-]+)/g);
    expect(typed).toEqual(['dir', 'hosts']);
    for (const option of [...given, ...typed]) expect(Object.keys(options)).toContain(option);
    const number = /- --ranks\n {20}- '(\d+)'/.exec(jobSet)![1];
    expect(all(jobSet, /(?:completions|parallelism): (\d+)/g)).toEqual([number, number]);
    const indices = all(ranks, /job-completion-index: '(\d+)'/g);
    expect(indices).toEqual(Array.from({ length: Number(number) }, (_, i) => `${i}`));
    expect(/- (\/var\S+) # CHANGE: the role/.exec(jobSet)![1]).toBe('/var/lib/securenn/parties/P0');
    for (const field of ['runAsUser', 'runAsGroup', 'fsGroup', 'terminationGracePeriodSeconds'])
      expect(all(jobSet, new RegExp(`${field}: (\\d+)`, 'g'))).toEqual(
        all(statefulSet, new RegExp(`${field}: (\\d+)`, 'g')),
      );
    const rank = all(jobSet, /- name: rank\n +containerPort: (\d+)/g);
    expect(rank).toHaveLength(1);
    expect(new Set(all(jobSet, /\{rank\}\S*?:(\d+)/g))).toEqual(new Set(rank));
    expect(new Set(all(ranks, /- name: rank\n +port: (\d+)/g))).toEqual(new Set(rank));
    expect(ranksPolicy.split(`port: ${rank[0]}`)).toHaveLength(5);
    expect(batch).toContain(`PORT=\${SECURENN_RANK_PORT:-${rank[0]}}`);
  });

  it('copies into the image what is built there, and nothing else', () => {
    const copied = all(image, /^COPY (?!--from)(.*) \S+$/gm).flatMap((names) => names.split(' '));
    const allowed = all(read('deploy/Dockerfile.dockerignore'), /^!(.*)$/gm);
    expect(copied.toSorted()).toEqual(allowed.toSorted());
    const { version } = JSON.parse(read('package.json')) as { readonly version: string };
    for (const tag of all([image, statefulSet, page].join('\n'), /securenn:(\d+\.\d+\.\d+)/g))
      expect(tag).toBe(version);
  });
});
