import { describe, expect, test } from 'vitest';
import { inRows } from '../../../bench/report/results.ts';

describe('results in rows', () => {
  const turn = (sent: number) => ({
    sent,
    latencyMs: { p50: 1.5, p99: 2.5, p999: 3.5, max: 4.5 },
    pace: { outstanding: 64 },
  });
  const result = {
    commit: 'a3631fe',
    cells: [turn(1), turn(2), turn(3), turn(4)],
    pausesMs: Array.from({ length: 500 }, () => 1),
  };

  test('are the same JSON', () => expect(JSON.parse(inRows(result))).toEqual(result));

  test('have one cell a line, and a series of numbers in one', () =>
    expect(inRows(result).split('\n')).toEqual([
      '{',
      ' "commit": "a3631fe",',
      ' "cells": [',
      `  ${JSON.stringify(turn(1))},`,
      `  ${JSON.stringify(turn(2))},`,
      `  ${JSON.stringify(turn(3))},`,
      `  ${JSON.stringify(turn(4))}`,
      ' ],',
      ` "pausesMs": ${JSON.stringify(result.pausesMs)}`,
      '}',
    ]));
});
