/** Test files that start real programs run side by side: none may use the addresses of another. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const folder = join(import.meta.dirname, '../..');
const files = globSync('{doctor,fuzz,interop,next-hops,packaging,peer-faults,scenarios,torture}/**/*.test.ts', {
  cwd: folder,
});

/** `twoSides(42)`, `const net = 42`, `net: 42`, `127.0.42.`; all share 127.0.0.0/24, on ports that the system chooses. */
const netsOf = (file: string): readonly string[] => [
  ...new Set(
    [...readFileSync(join(folder, file), 'utf8').matchAll(/(?:twoSides\(|\bnet(?: =|:) |\b127\.0\.)(\d+)\b/g)].map(
      ([, net = '']) => net,
    ),
  ),
];

test('each has loopback networks of its own', () => {
  const users = new Map<string, string[]>();
  for (const file of files) {
    for (const net of netsOf(file)) if (net !== '0') users.set(net, [...(users.get(net) ?? []), file]);
  }
  expect(users.size).toBeGreaterThan(40);
  expect([...users].filter(([, by]) => by.length > 1)).toEqual([]);
});
