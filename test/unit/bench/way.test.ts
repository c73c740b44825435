/** The way of a message, out of counts of V8. */
import { expect, test } from 'vitest';
import { wayOf } from '../../../bench/report/way.ts';

const called = (functionName: string, startOffset: number, count: number) => ({
  functionName,
  ranges: [{ startOffset, endOffset: startOffset + 10, count }],
  isBlockCoverage: false,
});

test('of our own files counts what most messages call; neither a module itself nor what is done now and then', () => {
  const coverage = [
    { scriptId: '1', url: 'node:net', functions: [called('write', 5, 100)] },
    {
      scriptId: '2',
      url: 'file:///product/src/sip/flow.ts',
      functions: [called('', 0, 100), called('send', 20, 205), called('', 40, 100), called('probe', 60, 49)],
    },
    { scriptId: '3', url: 'file:///product/src/app.ts', functions: [called('startApp', 20, 1)] },
  ];
  expect(wayOf(coverage, 'file:///product/src/', 100)).toEqual({
    files: 1,
    functions: 2,
    calls: 3,
    steps: [{ file: 'sip/flow.ts', functions: 2, calls: 3.05 }],
  });
});
