/**
 * Ends the process with one line where Node is too old for the rest. It stands before everything else that main.ts imports, and npm's
 * scripts load it before main.ts, which an older Node cannot even read. CommonJS without types, for any Node reads that.
 */
const oldest = 24;

if (Number(process.versions.node.split('.')[0]) < oldest) {
  const found = `this is Node.js ${process.versions.node} (${process.execPath})`;
  const remedy = `npm ci in the router's folder installs it for npm start and npm run, and nodejs.org has it for everything else`;
  process.stderr.write(`pif-router needs Node.js ${oldest} or later, and ${found}: ${remedy}\n`);
  process.exit(1);
}
