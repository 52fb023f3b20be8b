// Turns a Prisma datamodel (SDL 1.0 or 1.1) into the app.lua of its models.
//
//     import { toLua } from './datamodel.mjs';
//     fs.writeFileSync('apps/blog/app.lua', toLua(text, { app: 'blog' }));
//
// The rules by which two relation fields belong together are those of Prisma
// 1.34 (PrismaSdl.scala, SchemaInferrer.scala, MissingBackRelations.scala):
//  - a named field belongs to the field of that name on the other model; a
//    nameless one to the first that points back; a field is never its own
//    opposite, so a self relation with one field is one-sided;
//  - one-sided lists share their children (join table); a one-sided single may
//    lead to the same record from many;
//  - the default name is AToB, alphabetical; lists are never required.
// docs/prisma.md has the table of forms.
// SPDX-License-Identifier: Apache-2.0
import { parse as parseSdl } from 'graphql';

/** A datamodel that has no Lua form, or is not one. */
export class DatamodelError extends Error {
  name = 'DatamodelError';
}

const fail = (where, message) => {
  throw new DatamodelError(`${where}: ${message}`);
};

// Scalar of the datamodel -> word of Lunette.
const WORDS = {
  ID: 'id "text"', String: 'text', Int: 'int', Float: 'float',
  Boolean: 'bool', DateTime: 'datetime', Json: 'json', UUID: 'uuid',
};
const IDS = { ID: 'text', String: 'text', UUID: 'uuid', Int: 'bigint' };

const IDS_SHOWN = { UUID: '"UUID"', Int: '"Int"' };

// Directives that change nothing in the API.
const SILENT = new Set(['db', 'scalarList', 'sequence', 'rename', 'pgColumn',
  'pgTable', 'indexes', 'index']);
const KNOWN = new Set(['id', 'unique', 'default', 'createdAt', 'updatedAt',
  'relation']);
const REFUSED = {
  embedded: 'embedded types have no table and no Lua form',
  linkTable: 'a link table of its own has no Lua form; write the relation '
    + 'without it',
  relationTable: 'a relation table of its own has no Lua form; write the '
    + 'relation without it',
};

// Reading -------------------------------------------------------------------

function valueOf(node) {
  switch (node.kind) {
    case 'IntValue': case 'FloatValue': return Number(node.value);
    case 'ListValue': return node.values.map(valueOf);
    case 'NullValue': return null;
    default: return node.value; // string, boolean, enum
  }
}

function directivesOf(node, where) {
  const found = {};
  for (const directive of node.directives ?? []) {
    const name = directive.name.value;
    if (REFUSED[name]) fail(where, REFUSED[name]);
    if (!KNOWN.has(name) && !SILENT.has(name)) {
      fail(where, `unknown directive @${name}`);
    }
    found[name] = Object.fromEntries(directive.arguments
      .map((arg) => [arg.name.value, valueOf(arg.value)]));
  }
  return found;
}

function typeOf(node) {
  const out = { list: false, required: false };
  if (node.kind === 'NonNullType') {
    out.required = true;
    node = node.type;
  }
  if (node.kind === 'ListType') {
    out.list = true;
    out.required = false;
    node = node.type;
    if (node.kind === 'NonNullType') node = node.type;
  }
  if (node.kind !== 'NamedType') return null; // a list of lists
  return { ...out, type: node.name.value };
}

function fieldOf(model, node) {
  const where = `${model.name}.${node.name.value}`;
  const type = typeOf(node.type);
  if (!type) fail(where, 'a list of lists has no Lua form');
  if (node.arguments?.length) fail(where, 'a field cannot have arguments');
  return { model, name: node.name.value, where, ...type,
    directives: directivesOf(node, where) };
}

/**
 * Reads a datamodel: { models, enums } with relations resolved. A relation
 * field gets `target`, `opposite`, `relation` and, where it holds the foreign
 * key, `owns`.
 */
export function readDatamodel(text) {
  let document;
  try {
    document = parseSdl(text, { noLocation: false });
  } catch (error) {
    fail('datamodel', error.message);
  }
  const models = [], enums = [];
  for (const node of document.definitions) {
    const name = node.name?.value;
    if (node.kind === 'EnumTypeDefinition') {
      enums.push({ name, values: node.values.map((v) => v.name.value) });
    } else if (node.kind === 'ObjectTypeDefinition') {
      const model = { name, directives: directivesOf(node, name) };
      model.fields = node.fields.map((field) => fieldOf(model, field));
      models.push(model);
    } else if (node.kind !== 'ScalarTypeDefinition') {
      fail(name ?? 'datamodel', `${node.kind} has no place in a datamodel`);
    }
  }
  resolve(models, enums);
  return { models, enums };
}

// Relations -----------------------------------------------------------------

const relationOf = (field) => field.directives.relation ?? {};

// Relation fields of the other model that point back, in order.
const pointingBack = (field) => field.target.fields
  .filter((other) => other.target === field.model && other !== field);

function oppositeOf(field) {
  const name = relationOf(field).name;
  const others = pointingBack(field);
  if (!name) return others[0] ?? null;
  return others.find((other) => relationOf(other).name === name)
    ?? others.find((other) => !relationOf(other).name
      && pointingBack(other)[0] === field)
    ?? null;
}

function relationName(field) {
  const name = relationOf(field).name
    ?? (field.opposite && relationOf(field.opposite).name);
  if (name) return name;
  return [field.model.name, field.target.name].sort().join('To');
}

// Whether the foreign key of a relation without lists stands on this side.
function ownsLink(field) {
  const other = field.opposite;
  if (!other) return true;
  if (relationOf(field).link === 'INLINE') return true;
  if (relationOf(other).link === 'INLINE') return false;
  if (field.required !== other.required) return field.required;
  if (field.model !== other.model) return field.model.name < other.model.name;
  return field.name < other.name;
}

function resolve(models, enums) {
  const byName = new Map(models.map((model) => [model.name, model]));
  const enumNames = new Map(enums.map((one) => [one.name, one]));
  const relations = [];
  for (const field of models.flatMap((model) => model.fields)) {
    field.target = byName.get(field.type);
    field.enum = enumNames.get(field.type);
    if (field.target) relations.push(field);
    else if (!field.enum && !WORDS[field.type]) {
      fail(field.where, `unknown type ${field.type}`);
    }
  }
  for (const field of relations) field.opposite = oppositeOf(field);
  for (const field of relations) {
    if (field.opposite && field.opposite.opposite !== field) {
      fail(field.where, `it is not clear which field of ${field.type} it `
        + 'belongs to; give both @relation(name: "...")');
    }
    field.relation = relationName(field);
    field.owns = !field.list && (!field.opposite || field.opposite.list
      || ownsLink(field));
  }
}

// Writing -------------------------------------------------------------------

const LUA_KEYWORDS = new Set(['and', 'break', 'do', 'else', 'elseif', 'end',
  'false', 'for', 'function', 'goto', 'if', 'in', 'local', 'nil', 'not', 'or',
  'repeat', 'return', 'then', 'true', 'until', 'while']);

const luaString = (text) => '"' + text.replace(/[\\"\0-\x1f\x7f]/g, (c) =>
  c === '\\' || c === '"' ? '\\' + c
    : '\\' + String(c.charCodeAt(0)).padStart(3, '0')) + '"';

function luaValue(value) {
  if (value === null) return 'null';
  if (typeof value === 'string') return luaString(value);
  if (Array.isArray(value)) return `{ ${value.map(luaValue).join(', ')} }`;
  if (typeof value !== 'object') return String(value);
  return '{ ' + Object.entries(value)
    .map(([key, item]) => `[${luaString(key)}] = ${luaValue(item)}`)
    .join(', ') + ' }';
}

const camel = (name) => name.replace(/(.)_+([A-Za-z0-9])/g,
  (_, left, right) => left + right.toUpperCase());

// Lua has no trailing underscore and keeps `version` for itself.
function luaName(name) {
  if (name === 'version') return 'version_field';
  return name.endsWith('_') ? name.replace(/_+$/, '') + '_field' : name;
}

const key = (name) => LUA_KEYWORDS.has(name) ? `["${name}"]` : name;

function options(rows) {
  const written = rows.filter(([, value]) => value !== undefined
    && value !== false).map(([name, value]) => `${name} = ${value}`);
  return written.length ? `{ ${written.join(', ')} }` : '{}';
}

// The `graphql` option where the name would not come back as it was.
function spelled(field) {
  return camel(luaName(field.name)) === field.name
    ? undefined : luaString(field.name);
}

// Datamodel 1.0 writes every default as a string.
function defaultOf(field) {
  const given = field.directives.default;
  if (!given) return undefined;
  if (!('value' in given)) fail(field.where, '@default needs a value');
  const value = given.value;
  switch (field.type) {
    case 'Int': case 'Float': return luaValue(Number(value));
    case 'Boolean': return String(value === true || value === 'true');
    case 'DateTime': return luaString(new Date(value).toISOString());
    case 'Json': return luaValue(JSON.parse(value));
    default: return luaString(String(value));
  }
}

function idWord(field) {
  const kind = IDS[field.type];
  if (!kind) fail(field.where, `an id cannot be ${field.type}`);
  const rows = [['scalar', IDS_SHOWN[field.type]],
    ['required', field.directives.id?.strategy === 'NONE'],
    ['graphql', field.name === 'id' ? undefined : luaString(field.name)]];
  return `id "${kind}" ${options(rows)}`;
}

function scalarWord(field, { style, textSize }) {
  const made = style === 1 && field.required && field.type === 'DateTime'
    ? { createdAt: 'created', updatedAt: 'updated' }[field.name] : undefined;
  const stamp = made ?? (field.directives.createdAt ? 'created'
    : field.directives.updatedAt ? 'updated' : undefined);
  const rows = [['required', field.required],
    ['unique', field.directives.unique !== undefined],
    ['default', defaultOf(field)], ['graphql', spelled(field)],
    ['size', field.type === 'String' && !field.list
      && !field.directives.unique ? textSize : undefined]];
  if (stamp) {
    return `${stamp} ` + options([
      ['required', field.required ? undefined : 'false'], rows[3]]);
  }
  const word = field.enum ? `enum "${field.type}"` : WORDS[field.type];
  if (!field.list) return `${word} ${options(rows)}`;
  const item = field.enum ? `${word} {}` : word;
  return `list(${item}) ${options([rows[3]])}`;
}

function relationWord(field) {
  const { opposite } = field;
  const rows = [
    ['by', opposite ? luaString(luaName(opposite.name)) : undefined],
    ['one_sided', !opposite],
    ['relation', luaString(field.relation)],
    ['required', field.required],
    ['unique', field.owns && opposite ? !opposite.list : undefined],
    ['delete', relationOf(field).onDelete === 'CASCADE'
      ? '"cascade"' : undefined],
    ['graphql', spelled(field)],
  ];
  const form = field.list
    ? (opposite && !opposite.list ? 'many' : 'refs')
    : (field.owns ? 'ref' : 'single');
  return `${form} "${field.type}" ${options(rows)}`;
}

const isId = (field) => field.directives.id !== undefined
  || (field.name === 'id' && field.type === 'ID');

function fieldLine(field, settings) {
  if (isId(field)) return `    id = ${idWord(field)},`;
  const name = key(luaName(field.name));
  if (field.target) return `    ${name} = ${relationWord(field)},`;
  return `    ${name} = ${scalarWord(field, settings)},`;
}

function modelText(model, settings) {
  const lines = model.fields.map((field) => fieldLine(field, settings));
  if (!model.fields.some(isId)) lines.unshift('    id = id "text" {},');
  return `model "${model.name}" {\n  fields = {\n${lines.join('\n')}\n  },\n}\n`
    + `access "${model.name}" { public = "all" }\n`;
}

/**
 * The text of an app.lua with the models of a datamodel; everybody may do
 * everything. Throws DatamodelError, which names the type and field.
 *
 * @param {string} text the datamodel
 * @param {{app?: string, textSize?: number}} [settings] name of the app
 * ("opencrud"), and how many characters a String may have where the size that a
 * text has of itself is too small
 */
export function toLua(text, { app = 'opencrud', textSize } = {}) {
  const { models, enums } = readDatamodel(text);
  // Only 1.1 marks ids; 1.0 keeps createdAt and updatedAt by their names.
  const style = models.some((model) => model.fields.some((field) =>
    field.directives.id !== undefined)) ? 1.1 : 1;
  return [
    `app "${app}" { version = "1.0.0", title = "OpenCRUD" }\n`,
    ...enums.map((one) => `enum "${one.name}" { `
      + one.values.map(luaString).join(', ') + ' }\n'),
    ...models.map((model) => modelText(model, { style, textSize })),
  ].join('\n');
}
