// docs/data.md: its app with its files, and what it says of later changes.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { blocks } from './support/markdown.mjs';
import { root, Server, until } from './support/server.mjs';

const page = fs.readFileSync(path.join(root, 'docs/data.md'), 'utf8');
const lines = page.split('\n');

/** The files of the page: a block whose line above names its path. */
const files = Object.fromEntries(blocks(page)
  .map((one) => [/^`apps\/shop\/(\S+)`$/.exec(lines[one.line - 3])?.[1], one.text])
  .filter(([name]) => name));

describe('the files of docs/data.md', () => {
  let server;
  before(async () => {
    server = await Server.start({ apps: { shop: files }, args: ['--demo', '--workers', '1'] });
  });
  after(() => server.down());

  const products = (fields) => server.dataOf(`{ products(orderBy: sku_ASC) { ${fields} } }`);
  /** Saves a data file; the error of the load, or null. */
  const save = (name, text) => server.reload(() => server.save('shop', text, `data/${name}`));
  const product = (row) => save('product.csv', files['data/product.csv'] + row);

  test('are those that the page names', () => {
    assert.deepEqual(Object.keys(files), ['app.lua', 'data/10_category.csv',
      'data/product.csv', 'demo/product.json']);
  });

  test('are loaded with lists, JSON, defaults and references', async () => {
    assert.deepEqual(await products('sku name unit price words extra listed active category { name }'), {
      products: [
        { sku: 'A1', name: 'Nail, long', unit: 'METRE', price: '0.12', words: ['steel', '10 cm'],
          extra: { colour: 'grey' }, listed: '2026-01-31', active: true,
          category: { name: 'Fixings' } },
        { sku: 'A2', name: 'Hammer', unit: 'PIECE', price: '12.50', words: [], extra: null,
          listed: null, active: true, category: { name: 'Tools' } },
        { sku: 'D1', name: 'Saw', unit: 'PIECE', price: null, words: ['wood'], extra: null,
          listed: null, active: true, category: { name: 'Tools' } },
      ],
    });
  });

  test('bring new rows later and leave those that are there', async () => {
    await server.dataOf('mutation { updateProduct(where: { sku: "A1" }, data: { name: "Nail" }) { id } }');
    assert.equal(await product('A3,Screw,,,,,,,fixings\n'), null);
    assert.deepEqual(await products('sku name'), { products: [
      { sku: 'A1', name: 'Nail' }, { sku: 'A2', name: 'Hammer' },
      { sku: 'A3', name: 'Screw' }, { sku: 'D1', name: 'Saw' }] });
  });

  // [what, row, words of the message]
  const BAD = [
    ['a reference to nothing', 'A4,Bolt,,,,,,,paint\n', /product\.csv:4: category\.code: no Category has code 'paint'/],
    ['a value of another type', 'A4,Bolt,,cheap,,,,,tools\n', /product\.csv:4: price/],
    ['a value that is no member', 'A4,Bolt,LITRE,,,,,,tools\n', /product\.csv:4: unit/],
    ['too few cells', 'A4,Bolt\n', /product\.csv: line 4 has 2 fields, the header has 9/],
    ['a quote without an end', 'A4,"Bolt,,,,,,,tools\n', /product\.csv: line 4: a quoted field has no end/],
    ['no value for what is required', ',Bolt,,,,,,,tools\n', /product\.csv:/],
  ];
  for (const [what, row, words] of BAD) {
    test(`load nothing at all with ${what}, and say where`, async () => {
      const error = await product(row);
      assert.match(error.message, words);
      const { productsConnection } = await server.dataOf(
        '{ productsConnection { aggregate { count } } }');
      assert.equal(productsConnection.aggregate.count, 4);
    });
  }

  test('may have unknown columns or models: that is an error of their own', async () => {
    assert.match((await save('product.csv', 'sku,nam\nA5,x\n')).message,
      /product\.csv:1: Product has no field 'nam'/);
    assert.equal(await save('product.csv', files['data/product.csv']), null);
    assert.match((await save('product.csv', 'sku,name,name\nA5,x,y\n')).message,
      /product\.csv:1: 'name' and 'name' are the same column/);
    assert.equal(await save('product.csv', files['data/product.csv']), null);
    assert.match((await save('nothing.csv', 'a\n1\n')).message,
      /nothing\.csv: no model of the app 'shop' is called as this file/);
    fs.rmSync(server.file('shop', 'data/nothing.csv'));
  });

  test('in JSON must be a list of objects', async () => {
    for (const text of ['{ "sku": "A6", "name": "x" }', '"A6"', 'null', '[["A6"]]', '[1]']) {
      assert.match((await save('product.json', text)).message,
        /product\.json: (it must be a list of objects|item 1 is not an object)/);
    }
    fs.rmSync(server.file('shop', 'data/product.json'));
  });

  test('keep their values when a field is renamed with was', async () => {
    const renamed = files['app.lua'].replace('name     = text { required = true }',
      'title    = text { required = true, was = "name" }');
    assert.notEqual(renamed, files['app.lua']);
    server.save('shop', files['data/product.csv'].replace('name', 'title'), 'data/product.csv');
    server.save('shop', files['demo/product.json'].replace('name', 'title'), 'demo/product.json');
    server.save('shop', renamed);
    // The first of several saves may be loaded alone, and be wrong alone.
    const answer = await until('the new name', async () => {
      const found = await server.ask('{ products(orderBy: sku_ASC) { title } }');
      return found.data && server.loads().error === null && found;
    });
    assert.deepEqual(answer.data.products.map((one) => one.title),
      ['Nail', 'Hammer', 'Screw', 'Saw']);
  });

  test('with list defaults fill an empty cell from them', async () => {
    const text = fs.readFileSync(server.file('shop'), 'utf8').replace('list(text) {}',
      'list(text) { default = { "new", "a \\"b\\"" } }');
    server.save('shop', text);
    server.save('shop', 'sku,title,category.code,words\nB1,Glue,tools,\n', 'data/product.csv');
    const found = await until('the row', async () =>
      (await server.dataOf('{ product(where: { sku: "B1" }) { words } }')).product);
    assert.deepEqual(found.words, ['new', 'a "b"']);
  });
});

test('starting data do not take words for numbers', async (t) => {
  const server = await Server.start({ apps: { scale: `app "scale" {}
    model "Load" { fields = { name = text { unique = true, size = 9 }, pieces = int {}, weight = float {} } }` } });
  t.after(() => server.down());
  const save = (cells) => server.reload(() =>
    server.save('scale', `name,pieces,weight\nA,${cells}\n`, 'data/load.csv'));
  for (const word of ['abc', '1a', '0x10', '007', '--5', '1e', ' 5', 'nan']) {
    assert.match((await save(`${word},1`)).message, /load\.csv:2: pieces: Int cannot represent/);
    assert.match((await save(`1,${word}`)).message, /load\.csv:2: weight: Float cannot represent/);
  }
  assert.equal(await save('-5,1.5e3'), null);
});

test('starting data do not run functions of apps', async (t) => {
  const app = `app "shop" {}
    model "Item" { fields = { name = text { size = 9 },
      kind = text { default = function() return "computed" end },
      code = text { required = true, default = function() return "c" end } },
      before_create = function() fail("no hook here") end }
    access "Item" { admin = "all" }`;
  const server = await Server.start({ args: ['--workers', '1'],
    apps: { shop: { 'app.lua': app, 'data/item.csv': 'name,code\na,1\nb,2\n' } } });
  t.after(() => server.down());
  assert.deepEqual(await server.dataOf('{ items(orderBy: name_ASC) { name kind code } }'),
    { items: [{ name: 'a', kind: null, code: '1' }, { name: 'b', kind: null, code: '2' }] });
  const { message } = await server.reload(
    () => server.save('shop', 'name,code\nc,\n', 'data/item.csv'));
  assert.match(message,
    /item\.csv:2: Item\.code is required, and its default is a function/);
});
