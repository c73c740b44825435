/** What `explain` hears of the directory: the running router's own answer, or where none runs a look-up of its own. */
import type { UserAnswer } from '../admin/directory.ts';
import { createTimerWheel } from '../clock.ts';
import type { Snapshot } from '../config/snapshot.ts';
import { openDirectory } from '../directory/compose.ts';
import { silentLog } from '../log.ts';
import type { DirectoryAnswer } from '../routing/types.ts';
import { type AdminTarget, ask } from './admin-client.ts';

export interface Heard {
  readonly answer: DirectoryAnswer;
  readonly from: 'router' | 'look-up';
  /** For people: why the running router did not answer. */
  readonly whyNotRouter: string | undefined;
}

/** @param target where a router would answer */
export async function hearOf(recipient: string, target: AdminTarget, directory: Snapshot['directory']): Promise<Heard> {
  const { answer, why } = await askRouter(recipient, target);
  if (answer !== undefined) return { answer, from: 'router', whyNotRouter: undefined };
  return { answer: await lookUp(recipient, directory), from: 'look-up', whyNotRouter: why };
}

interface RouterAnswer {
  readonly answer?: DirectoryAnswer;
  readonly why?: string;
}

async function askRouter(recipient: string, target: AdminTarget): Promise<RouterAnswer> {
  try {
    const { status, text } = await ask(
      target,
      `GET /directory/answer?address=${encodeURIComponent(`sip:${recipient}`)}`,
    );
    if (status === 200) return { answer: (JSON.parse(text) as UserAnswer).answer };
    return { why: `the router at ${target.text} refuses: ${(JSON.parse(text) as { readonly error: string }).error}` };
  } catch (error) {
    return { why: `no router answers at ${target.text} (${(error as Error).message})` };
  }
}

/** Unlike a request, who asks for an explanation waits until the directory has been connected to. */
async function lookUp(recipient: string, settings: Snapshot['directory']): Promise<DirectoryAnswer> {
  const clock = createTimerWheel();
  const directory = openDirectory(
    { ...settings, sources: settings.sources.map((source) => source.forOneQuestion()) },
    { clock, log: silentLog, random: Math.random },
  );
  try {
    await directory.ready();
    return await directory.lookup(recipient);
  } finally {
    await directory.close();
    clock.close();
  }
}

/** What goes wrong stands in the answer. */
