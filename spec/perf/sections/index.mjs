// What is measured besides the workloads; each section starts hosts of its own.
// SPDX-License-Identifier: Apache-2.0
//
// { name, run({ quick, port, work, say, note, duration }) -> facts for the bars }
import * as memory from './memory.mjs';
import * as models from './models.mjs';
import * as save from './save.mjs';
import * as start from './start.mjs';

export const sections = [
  { name: 'save', run: save.run },
  { name: 'start', run: start.run },
  { name: 'memory', run: memory.run },
  { name: 'models', run: models.run },
];
