/** What `check` prints and answers to the shell. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { command as check } from '../../../src/cli/check.ts';
import { folderWith, routesYaml } from '../../support/configuration.ts';
import { run } from '../../support/run-command.ts';

const checkFile = (yaml: string) => run(check, [join(folderWith({ 'routes.yaml': yaml }), 'routes.yaml')]);

describe('check', () => {
  test('of a sound file says what it means, and answers 0', async () => {
    const users = 'dn: CN=b\nmsRTCSIP-PrimaryUserAddress: sip:bob@example.com\nmsRTCSIP-UserEnabled: TRUE\n';
    const yaml = routesYaml({
      listen: 'listen: [{ transport: tcp, address: 127.0.0.1 }, { transport: tcp, address: ::1 }]',
      routes: `routes:
  - { to: cisco, pattern: .com.example, next-hop: ::2, port: 5070, description: IM&P }
  - { to: microsoft, pattern: example.com, next-hop: 127.0.0.21 }
  - { to: microsoft, pattern: example.com, next-hop: 127.0.0.22, priority: 2, in-service: false }`,
      x: 'pins: [{ user: sip:ceo@example.com, side: cisco }]\ndirectory: { sources: [{ kind: ldif, file: users.ldif }] }',
    });
    const folder = folderWith({ 'routes.yaml': yaml, 'users.ldif': users });
    const file = join(folder, 'routes.yaml');
    expect(await run(check, [file])).toEqual({
      code: 0,
      out: [
        'routing    basic, for example.com',
        'cisco      from 127.0.0.11',
        '           to .com.example by tcp [::2]:5070 (priority 1, IM&P)',
        'microsoft  from 127.0.0.21',
        '           to example.com by tcp 127.0.0.21:5060 (priority 1)',
        '           to example.com by tcp 127.0.0.22:5060 (priority 2, out of service)',
        'pins       ceo@example.com on cisco',
        'directory  ldif users.ldif: 1 users, 1 of them enabled (not asked in basic mode)',
        `${file}: no problems`,
      ],
      err: [],
    });
  });

  test('of a file with errors lists them by line, counts them, and answers 1', async () => {
    const { code, out } = await checkFile(routesYaml({ x: 'log: { level: loud }\ncolour: red' }));
    expect(code).toBe(1);
    expect(out.map((line) => line.replace(/^.*routes\.yaml/, 'routes.yaml'))).toEqual([
      'routes.yaml:6:15: error: log.level: "loud" is not possible here (known here: trace, debug, info, warn, error, fatal, silent)',
      expect.stringMatching(/^routes\.yaml:7:1: error: colour: there is no such setting/),
      'routes.yaml: 2 errors; it cannot be used',
    ]);
  });

  test('of a file with a warning prints it and answers 0', async () => {
    const { code, out } = await checkFile(routesYaml({ x: 'pins: [{ user: sip:a@example.net, side: cisco }]' }));
    expect(code).toBe(0);
    expect(out[0]).toMatch(/routes\.yaml:6:16: warning: pins\[0\]\.user/);
    expect(out.at(-1)).toMatch(/routes\.yaml: 1 warning$/);
  });

  test('of a file that is not there is one line, and answers 1', async () =>
    expect(await run(check, ['/nonexistent/routes.yaml'])).toMatchObject({
      code: 1,
      out: [
        '/nonexistent/routes.yaml:1:1: error: there is no such file (is the path right?)',
        '/nonexistent/routes.yaml: 1 error; it cannot be used',
      ],
    }));

  test.each([[['a.yaml', 'b.yaml']], [['--hlp']]])('with %j answers 2 and the usage', async (args) =>
    expect(await run(check, args)).toEqual({
      code: 2,
      out: [],
      err: [expect.any(String), 'usage: pif-router check [FILE]', 'pif-router check --help says more'],
    }),
  );
});
