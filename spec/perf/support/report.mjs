// Tables and bars.
// SPDX-License-Identifier: Apache-2.0

export const print = (text) => process.stdout.write(`${text}\n`);

const digits = (value, count) => (Number.isFinite(value) ? value.toFixed(count) : '-');
const none = (value, count) => (value ? digits(value, count) : '-');

/** The results of one workload as lines of text. */
export function table(workload, results) {
  const rows = [['', 'per second', 'p50 ms', 'p99 ms', 'server µs', 'postgres µs',
    'RSS MiB', 'of limit', 'by CPU', 'failed']];
  for (const r of results) {
    rows.push([r.name, digits(r.rate, 0), digits(r.p50, 2), digits(r.p99, 2),
      none(r.serverCpu, 1), digits(r.postgresCpu, 1), none(r.rss, 1),
      digits(r.ratio, 2), digits(r.cpuRatio, 2), String(r.failed)]);
  }
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  const lines = rows.map((row) => row.map((cell, i) => (i
    ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join('  '));
  return `\n${workload.name}: ${workload.title}\n${lines.join('\n')}`;
}

const bar = (section, name, value, most, unit) => ({
  section, name, value, wanted: most, met: value <= most,
  text: `${section}: ${name} ${digits(value, 1)} ${unit}, at most ${most}`,
});

/** What the design asks of these facts. */
const asked = {
  save: (f) => [
    bar('save', 'median of a save to its first answer', f.median, 100, 'ms'),
    bar('save', 'median when the save adds a field', f.medianField, 100, 'ms'),
    bar('save', 'failed requests', f.failed, 0, ''),
  ],
  start: (f) => [bar('start', 'median to the first answer', f.median, 150, 'ms')],
  memory: (f) => [
    bar('memory', 'worker idle with 10 apps', f.idle, 30, 'MiB'),
    bar('memory', 'worker after load with 10 apps', f.loaded, 40, 'MiB'),
  ],
  models: (f) => [
    bar('models', 'worker idle with 100 models', f.idle, 40, 'MiB'),
    bar('models', 'median of a save to its first answer', f.median, 150, 'ms'),
    bar('models', 'drift of memory under load', f.drift, 5, '%'),
    bar('models', 'failed requests', f.failed, 0, ''),
  ],
};

/** Bars of a workload or section: { text, met, value, wanted }. */
export function bars(name, facts) {
  if (asked[name]) return asked[name](facts);
  const { ratio, cpu } = facts.bar;
  return [
    {
      section: name, name: 'ratio', value: facts.ratio, wanted: ratio,
      met: facts.ratio >= ratio && facts.failed === 0,
      text: `${name}: ${digits(facts.ratio, 2)} of the limit, at least ${ratio}`,
    },
    bar(name, 'host CPU a request', facts.serverCpu, cpu, 'µs'),
  ];
}
