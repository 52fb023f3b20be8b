// What processes have used, from /proc.
// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';

const tick = 1e6 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** [parent, own CPU µs, CPU µs of children that ended], or null when gone. */
function stat(pid) {
  try {
    const text = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    const at = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return [Number(at[1]), (Number(at[11]) + Number(at[12])) * tick,
      (Number(at[13]) + Number(at[14])) * tick];
  } catch {
    return null;
  }
}

/** CPU µs of the processes and of their children, living or ended. */
export function cpuOf(pids) {
  let sum = 0;
  const wanted = new Set(pids);
  for (const name of fs.readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const found = stat(name);
    if (!found) continue;
    if (wanted.has(Number(name))) sum += found[1] + found[2];
    else if (wanted.has(found[0])) sum += found[1];
  }
  return sum;
}

/** Resident memory in MiB; each page is counted for each process. */
export function rssOf(pids) {
  return pids.map((pid) => {
    const [, kib] = /^VmRSS:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))
      ?? [null, 0];
    return Number(kib) / 1024;
  });
}
