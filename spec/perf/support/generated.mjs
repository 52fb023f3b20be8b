// Apps made by a program: as many models as wanted, 8 fields and 3 relations
// each, with roles and rights.
// SPDX-License-Identifier: Apache-2.0
import fs from 'node:fs';
import path from 'node:path';

const word = (n) => {
  const names = ['Anvil', 'Brick', 'Cabin', 'Drift', 'Ember', 'Fjord', 'Grain', 'Haven',
    'Inlet', 'Jewel'];
  return `${names[n % 10]}${names[Math.floor(n / 10) % 10]}${n >= 100 ? n : ''}`;
};

/** Each model refers to two others; the third relation is the way back of one. */
function model(n, count) {
  const parent = word((n + 1) % count);
  const peer = word((n + 7) % count);
  const child = word((n + count - 1) % count);
  return `
model "${word(n)}" {
  title = "${word(n)}", label = "{code}",
  fields = {
    code    = text { required = true, unique = true, size = 40 },
    name    = text { required = true, index = true, size = 200 },
    rank    = int { default = 0, min = 0 },
    price   = money { default = 0 },
    ratio   = float {},
    active  = bool { required = true, default = true },
    due     = date {},
    state   = enum { "OPEN", "HELD", "DONE", default = "OPEN" },
    parent  = ref "${parent}" { by = "children" },
    peer    = ref "${peer}" { one_sided = true },
    children = many "${child}" { by = "parent" },
    made    = created {},
  },
  check = { "rank == nil or rank >= 0", "A rank is not negative" },
}
access "${word(n)}" { clerk = { "read", "create", "write" }, chief = "all" }
`;
}

export const modelNames = (count) => Array.from({ length: count }, (_, n) => word(n));

/** The text of an app of `count` models. */
export const appText = (name, count, version = '1.0.0') => `
app "${name}" { version = "${version}"${name === 'base' ? '' : ', depends = { "base" }'}${
  /\d/.test(name) ? `, prefix = "${name[0].toUpperCase()}${name.slice(1)}"` : ''} }
role "clerk" { title = "Clerk" }
role "chief" { title = "Chief", implies = { "clerk" } }
${Array.from({ length: count }, (_, n) => model(n, count)).join('')}`;

const users = `
app "base" { version = "1.0.0" }
model "User" {
  fields = {
    login  = text { required = true, unique = true, size = 100 },
    name   = text { required = true },
    active = bool { required = true, default = true },
    roles  = list(text) {},
  },
}
`;

/** Writes the folder of apps: `base` with the user `clerk`, who has `roles`,
 * and each of `apps` ({ name: text }). */
export function writeApps(folder, apps, roles) {
  const write = (name, text) => {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    fs.writeFileSync(path.join(folder, name), text);
  };
  write('base/app.lua', users);
  const list = JSON.stringify(roles).replaceAll('"', '""');
  write('base/data/user.csv', `login,name,active,roles\nclerk,Clerk,true,"${list}"\n`);
  for (const [name, text] of Object.entries(apps)) write(`${name}/app.lua`, text);
}

const lower = (text) => text[0].toLowerCase() + text.slice(1);

/** A body of a request: one of six kinds to one of the models `names` (as the
 * API calls them); most with variables, some with literals of their own. */
export function mixedBody(names, random) {
  const name = names[random(names.length) - 1];
  const code = 'K@@@@@@@@';
  const kinds = [
    () => ({
      query: `query($w: ${name}WhereInput) { x: ${lower(name)}sConnection(where: $w, first: 20) `
        + '{ pageInfo { hasNextPage } edges { node { id code name rank price state made } } } }',
      variables: { w: { rank_gte: random(100) } },
    }),
    () => ({
      query: `{ ${lower(name)}sConnection(where: { name_starts_with: "N${random(9)}" }) `
        + '{ aggregate { count } } }',
    }),
    () => ({
      query: `query($w: ${name}WhereInput, $n: Int) { ${lower(name)}sConnection(where: $w, first: $n) `
        + '{ edges { node { code parent { code parent { name } } children(first: 5) { code } } } } }',
      variables: { w: { state: 'OPEN' }, n: 10 },
    }),
    () => ({
      query: `mutation($d: ${name}CreateInput!) { create${name}(data: $d) { id code } }`,
      variables: { d: { code, name: `N${random(9)} of many`, rank: random(1000), price: '9.50' } },
    }),
    () => ({
      query: `mutation($d: ${name}CreateInput!) { create${name}(data: $d) { id parent { code } } }`,
      variables: { d: { code: `C${code}`, name: 'child', parent: { create: { code, name: 'parent' } } } },
    }),
    () => ({
      query: `mutation($d: ${name}UpdateManyMutationInput!, $w: ${name}WhereInput) { `
        + `updateMany${name}s(data: $d, where: $w) { count } }`,
      variables: { d: { rank: random(1000) }, w: { code } },
    }),
  ];
  // Nine reads of ten.
  return JSON.stringify(kinds[random(10) === 10 ? 2 + random(3) : random(3) - 1]());
}
