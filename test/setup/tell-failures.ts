/** A test that has failed tells what it still waited for, and what its routers said last: another machine's failure must explain itself. */
import { beforeEach } from 'vitest';
import { RouterProcess } from '../support/router-process.ts';
import { forgetWaits, vainWaits } from '../support/until.ts';

beforeEach(({ onTestFailed }) => {
  RouterProcess.forgetEnded();
  forgetWaits();
  onTestFailed(() => {
    const told = [...vainWaits(), ...RouterProcess.lastWords()];
    if (told.length > 0) console.error(told.join('\n\n'));
  });
});
