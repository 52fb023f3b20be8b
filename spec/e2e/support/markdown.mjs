// The blocks of a document that a reader copies or compares.
// SPDX-License-Identifier: Apache-2.0

/**
 * Blocks in order: { kind, text, line }. `kind` is the word behind the fence, or
 * "output" for an indented block.
 */
export function blocks(markdown) {
  const list = [];
  let open = null;
  markdown.split('\n').forEach((line, i) => {
    const fence = /^```(\w*)/.exec(line);
    if (open?.kind === 'output' && !/^( {4}|$)/.test(line)) {
      list.push(open);
      open = null;
    }
    if (open && fence && open.kind !== 'output') {
      list.push(open);
      open = null;
    } else if (open) {
      open.text += `${open.kind === 'output' ? line.slice(4) : line}\n`;
    } else if (fence) {
      open = { kind: fence[1] || 'text', text: '', line: i + 1 };
    } else if (/^ {4}\S/.test(line)) {
      open = { kind: 'output', text: `${line.slice(4)}\n`, line: i + 1 };
    }
  });
  if (open) list.push(open);
  return list;
}
