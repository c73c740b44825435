/**
 * `npm run directory:marathon`: a router that follows a real Samba domain controller by poll, by notification and by DirSync at
 * once, while users and OUs are made, renamed, moved, enabled, disabled, deleted and restored, the controller is restarted, the
 * network breaks, the router's clock is set and the account loses its rights. See `--help`.
 */
import { parseArgs } from 'node:util';
import { runMarathon } from './marathon.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '120' },
    operations: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    even: { type: 'boolean', default: false },
    net: { type: 'string', default: '96' },
    help: { type: 'boolean', default: false },
  },
});

const help = `npm run directory:marathon -- [--minutes 120] [--operations 1000] [--seed 1] [--even] [--net 96]

After each operation the router's table must become the directory's, within the time that the way of following promises. The
directory is read by ldapsearch and judged by the documented rule; the router is asked over its socket for administration.

  --minutes     no operation begins after that
  --operations  so many are made at most
  --seed        the same seed makes the same operations (times differ, and so may what falls into an outage)
  --even        each kind once before any comes twice
  --net         the router listens on 127.0.NET.1

Needs samba, ldap-utils, python3-samba and libfaketime (test/setup/debian-packages.sh), and root for ports below 1024.
Prints a line for each operation and a table of times at the end. At the first difference it says after which operations of which
seed, and ends with 1.
`;

if (values.help) console.log(help);
else process.exitCode = await run();

async function run(): Promise<number> {
  const seed = Number(values.seed);
  console.log(`seed ${seed}`);
  const beganMs = performance.now();
  const { made, times, confirmed, difference } = await runMarathon({
    seed,
    operations: Number(values.operations),
    withinMs: Number(values.minutes) * 60_000,
    isEven: values.even,
    net: Number(values.net),
    say: (line) => console.log(line),
  });
  const minutes = ((performance.now() - beganMs) / 60_000).toFixed(1);
  console.log(`\n${made} operations in ${minutes} minutes, seed ${seed}; losses confirmed: ${confirmed}\n`);
  for (const line of times) console.log(line);
  if (difference === undefined) return 0;
  console.log(`\nDIFFERENCE with seed ${seed}: ${difference}`);
  return 1;
}
