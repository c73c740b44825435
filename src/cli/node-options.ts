/**
 * How Node is called to run the router. The unit and the bench take it from here; `npm start` and the installed command go by the
 * first line of main.ts, which can import nothing: a test holds it to this.
 */

export const nodeOptions: readonly string[] = [
  // MiB for what is young. At tens of thousands of messages a second the usual 16 MiB are full every few milliseconds, and
  // what lives for one transaction is copied before it is over: 64 MiB save a tenth of a MESSAGE's processor time
  // (bench/README.md), and cost up to three times as much memory. Node takes it at its start only.
  '--max-semi-space-size=64',
  // Node's own code in huge pages, where the system has them: the work goes through so much of it that 4 KiB pages miss the
  // processor's address tables. Saved 4 to 7 % of a transaction with 64 under way, nothing at 2,000/s, and costs 24 MiB.
  '--use-largepages=silent',
  // Datagrams wait for the end of the turn in which they are sent, and then leave by one system call for up to twenty
  // (sendmmsg): a call over UDP costs two fifths less. Otherwise Node makes a call for each, and has no other way to be told.
  '--test-udp-no-try-send',
  // Sources that threads of their own load lose their types by WebAssembly. V8 13.6 makes wrappers of its own for what is
  // called often there, which all threads share, and now and then frees one that another thread is about to make: the process
  // ends with "Check failed: jit_page.has_value()" or a segmentation fault. After so many calls it never does.
  '--wasm-wrapper-tiering-budget=1000000000',
];
