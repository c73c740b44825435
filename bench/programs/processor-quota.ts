/** Gives a program a fixed share of the machine's processors by a control group of its own, version 1 or 2. Needs root. */
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const periodUs = 10_000;
const root = '/sys/fs/cgroup';

/** Where groups are made, and how a quota of microseconds a period is written into one. */
interface Controller {
  readonly folder: string;
  readonly files: (quotaUs: number) => Readonly<Record<string, string>>;
}

const controllers: readonly Controller[] = [
  {
    folder: join(root, 'cpu'),
    files: (quotaUs) => ({ 'cpu.cfs_period_us': `${periodUs}`, 'cpu.cfs_quota_us': `${quotaUs}` }),
  },
  { folder: root, files: (quotaUs) => ({ 'cpu.max': `${quotaUs} ${periodUs}` }) },
];

export class ProcessorQuota {
  readonly #controller: Controller;
  readonly #group: string;

  private constructor(controller: Controller, group: string) {
    this.#controller = controller;
    this.#group = group;
  }

  /** @returns undefined where no control group can be made, or none limits processors */
  static make(name: string): ProcessorQuota | undefined {
    for (const controller of controllers) {
      const group = join(controller.folder, name);
      try {
        mkdirSync(group);
      } catch {
        continue;
      }
      const [first = ''] = Object.keys(controller.files(0));
      if (existsSync(join(group, first))) return new ProcessorQuota(controller, group);
      rmdirSync(group);
    }
    return undefined;
  }

  /** All threads of these processes, those to come included, share `processors` (0.5 is half of one) from now on. */
  limit(pids: readonly number[], processors: number): void {
    for (const [file, text] of Object.entries(this.#controller.files(processors * periodUs))) this.#write(file, text);
    for (const pid of pids) this.#write('cgroup.procs', `${pid}`);
  }

  #write(file: string, text: string): void {
    writeFileSync(join(this.#group, file), text);
  }

  /** When the processes have ended. */
  remove(): void {
    rmdirSync(this.#group);
  }
}
