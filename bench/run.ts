/** `npm run bench`: this router and Kamailio on the same work, in turn. See README.md. */
import { join } from 'node:path';
import { Bed, type Measured } from './bed.ts';
import { type CrossChecked, crossCheck } from './cross-check.ts';
import type { Transport } from './load/wire.ts';
import { type BenchOptions, type Cell, cellsOf, readOptions, usage } from './options.ts';
import { startKamailio } from './programs/kamailio.ts';
import { startRouter } from './programs/pif-router.ts';
import type { Program } from './programs/program.ts';
import { type Compared, comparePlot, compareResults, compareTable, targetsTable } from './report/compare.ts';
import { circumstances, keep } from './report/results.ts';
import { textTable } from './report/table.ts';
import { lostMs, Silence, sound, warmUpsOf } from './turns.ts';
import { atWork, type Workplace } from './workplace.ts';

class Comparison {
  readonly #bed: Bed;
  readonly #router: Program;
  readonly #kamailio: Program;
  readonly #options: BenchOptions;

  constructor(bed: Bed, router: Program, kamailio: Program, options: BenchOptions) {
    this.#bed = bed;
    this.#router = router;
    this.#kamailio = kamailio;
    this.#options = options;
  }

  async connect(): Promise<void> {
    for (const { name, at } of [this.#router, this.#kamailio]) {
      for (const connections of this.#options.connections) {
        const { users } = this.#options;
        await this.#bed.connect({ lanes: `${name} ${connections}`, to: at, connections, users });
      }
    }
  }

  async warmUp(cell: Cell): Promise<void> {
    for (const program of [this.#router, this.#kamailio]) {
      for (const { seconds, ...pace } of warmUpsOf(cell.pace)) await this.#measure(program, { ...cell, pace }, seconds);
    }
  }

  /** Who goes first changes from turn to turn. */
  async measure(cell: Cell): Promise<Compared> {
    const turns: Record<'router' | 'kamailio', Measured[]> = { router: [], kamailio: [] };
    for (let turn = 0; turn < this.#options.turns; turn += 1) {
      const order = [this.#router, this.#kamailio];
      if (turn % 2 === 1) order.reverse();
      for (const program of order) {
        const measured = sound(program, await this.#measure(program, cell, this.#options.seconds));
        turns[program === this.#router ? 'router' : 'kamailio'].push(measured);
      }
    }
    return { ...cell, ...turns };
  }

  #measure(program: Program, { connections, work, pace }: Cell, seconds: number): Promise<Measured> {
    return this.#bed.measure(program, { ...pace, on: `${program.name} ${connections}`, work, seconds, lostMs });
  }
}

/** All cells of one transport and mode, with programs of their own. */
async function compare(
  transport: Transport,
  mode: 'basic' | 'advanced',
  { folder, certificates }: Workplace,
  options: BenchOptions,
): Promise<Compared[]> {
  const wish = { transport, mode, users: options.users, certificates };
  const folderOf = (name: string): string => join(folder, `${name}-${transport}-${mode}`);
  const bed = await Bed.open(transport, certificates);
  const kamailio = await startKamailio({ ...wish, folder: folderOf('kamailio'), records: options.records });
  const router = await startRouter({ ...wish, folder: folderOf('router') });
  names = [router.name, kamailio.name];
  try {
    const comparison = new Comparison(bed, router, kamailio, options);
    await comparison.connect();
    const compared: Compared[] = [];
    for (const cell of cellsOf(options, transport, mode)) {
      process.stderr.write('.');
      await comparison.warmUp(cell);
      compared.push(await comparison.measure(cell));
    }
    if (options.crossCheck && transport === 'tcp' && mode === options.modes.at(-1)) {
      for (const program of [router, kamailio]) {
        crossChecked.push(...(await crossCheck(bed, program, options.users, folderOf(`sipp ${program.name}`))));
      }
    }
    return compared;
  } finally {
    await Promise.all([router.stop(), kamailio.stop()]);
    await bed.close();
  }
}

let names: [string, string] = ['', ''];
const crossChecked: CrossChecked[] = [];

const crossCheckTable = (): string =>
  textTable([
    ['TCP message, 1000/s, 1 connection', 'by', 'sent', 'answered', 'us/transaction'],
    ...crossChecked.map(({ program, generator, sent, answered, programUs }) => [
      ...[program, generator, String(sent), String(answered), programUs.toFixed(1)],
    ]),
  ]);

/**
 * Kamailio 5.6.3 falls silent over TLS now and then, and would end a run of half an hour: once, all processes are started anew
 * then, and this transport and mode measured from the beginning. Of the router it would be a fault to be told.
 */
async function compareInSpiteOfSilence(...of: Parameters<typeof compare>): Promise<Compared[]> {
  try {
    return await compare(...of);
  } catch (error) {
    if (!(error instanceof Silence) || error.program !== names[1]) throw error;
    process.stderr.write(` ${error.message}: once more `);
    return compare(...of);
  }
}

async function compareAll(at: Workplace, options: BenchOptions): Promise<Compared[]> {
  const cells: Compared[] = [];
  for (const mode of options.modes) {
    for (const transport of options.transports) {
      process.stderr.write(`${mode} ${transport} `);
      cells.push(...(await compareInSpiteOfSilence(transport, mode, at, options)));
      process.stderr.write('\n');
    }
  }
  return cells;
}

async function main({ folder, certificates }: Workplace): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  const at = circumstances();
  const cells = await compareAll({ folder, certificates }, options);
  console.log(`${compareTable(cells, names)}\n\n${targetsTable(cells)}`);
  if (crossChecked.length > 0) console.log(`\n${crossCheckTable()}`);
  if (!options.isKept) return;
  const title = `${names.join(' and ')}, ${at.date.slice(0, 10)}, commit ${at.commit}`;
  const { isKept: _, ...asked } = options;
  const result = { programs: names, options: asked, cells: compareResults(cells), crossChecked };
  console.log(`\nkept in ${keep('', at, result, comparePlot(cells, names, title)).join(' and ')}`);
}

await atWork(main, usage);
