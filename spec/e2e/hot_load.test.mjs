// Saving a file changes the running server.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Load, refusals } from './support/load.mjs';
import { lunette, Server, until } from './support/server.mjs';

const shop = (fields, more = '') => `app "shop" { version = "1.0.0" }
model "Item" {
  fields = {
    name = text { required = true, unique = true, size = 50 },
${fields}  },
}
access "Item" { public = "all" }
${more}`;

const PLAIN = shop('');

describe('a saved file', () => {
  let server;
  before(async () => {
    server = await Server.start({ apps: { shop: PLAIN } });
    await server.dataOf('mutation { createItem(data: { name: "nail" }) { id } }');
  });
  after(() => server.down());

  const release = async () =>
    (await server.post('{ items { id } }')).headers['lunette-release'];

  test('brings a field that can be used at once, on every worker', async () => {
    const before = await release();
    assert.equal(await server.reload(() => server.save('shop', shop('    price = money { default = 5 },\n'))), null);
    const answers = await Promise.all(Array.from({ length: 20 }, () => server.post(
      '{ items { name price } }', {}, { agent: undefined })));
    for (const { json, headers } of answers) {
      assert.deepEqual(json.data, { items: [{ name: 'nail', price: '5.00' }] });
      assert.notEqual(headers['lunette-release'], before);
    }
    const { updateItem } = await server.dataOf(
      'mutation { updateItem(where: { name: "nail" }, data: { price: "1.25" }) { price } }');
    assert.deepEqual(updateItem, { price: '1.25' });
    assert.match(server.output, /^loaded shop@1\.0\.0\+[0-9a-f]{8} in \d+ ms$/m);
  });

  test('written in place is taken whole', async () => {
    const text = shop('    price = money { default = 5 },\n    note = text {},\n');
    const error = await server.reload(() => fs.writeFileSync(server.file('shop'), text));
    assert.equal(error, null);
    assert.deepEqual(await server.dataOf('{ items { note } }'), { items: [{ note: null }] });
  });

  test('that is broken keeps the old release and tells file and line, until it is right', async () => {
    const before = await release();
    const broken = shop('    price = monney { default = 5 },\n    note = text { sise = 3 },\n');
    const error = await server.reload(() => server.save('shop', broken));
    const expected = [/monney.*did you mean 'money'/, /sise.*did you mean 'size'/];
    assert.deepEqual(error.errors.map(({ file, line }) => `${file}:${line}`),
      ['apps/shop/app.lua:5', 'apps/shop/app.lua:6']);
    error.errors.forEach(({ message }, i) => assert.match(message, expected[i]));
    await until('the error on the terminal', () =>
      /apps\/shop\/app\.lua:5: .*monney/.test(server.output)
      && /apps\/shop\/app\.lua:6: .*sise/.test(server.output));
    const shown = lunette(['status', '--data', server.data]).stdout;
    assert.match(shown, /apps\/shop\/app\.lua:5: .*monney/);
    assert.equal(await release(), before);
    assert.deepEqual(await server.dataOf('{ items { note } }'), { items: [{ note: null }] });

    const syntax = await server.reload(() => server.save('shop', `${broken}\nmodel "`));
    assert.match(syntax.message, /./);
    assert.ok(syntax.errors.some(({ file, line }) => file === 'apps/shop/app.lua' && line >= 10),
      JSON.stringify(syntax));

    const fixed = await server.reload(() => server.save('shop',
      shop('    price = money { default = 5 },\n    note = text { size = 30 },\n')));
    assert.equal(fixed, null);
    assert.equal(server.status().last_error, null);
    assert.notEqual(await release(), before);
  });

  test('keeps the data of a field that it renames with was', async () => {
    await server.dataOf('mutation { updateItem(where: { name: "nail" }, data: { note: "keep" }) { id } }');
    const error = await server.reload(() => server.save('shop',
      shop('    price = money { default = 5 },\n    remark = text { size = 30, was = "note" },\n')));
    assert.equal(error, null);
    assert.deepEqual(await server.dataOf('{ items { remark } }'), { items: [{ remark: 'keep' }] });
    const { errors } = await server.ask('{ items { note } }');
    assert.match(errors[0].message, /Cannot query field "note"/);
  });

  test('that would lose data is refused with its plan, and the old release serves', async () => {
    const before = await release();
    const error = await server.reload(() => server.save('shop', shop('    price = money { default = 5 },\n')));
    const all = error.errors.map(({ message }) => message).join('\n');
    assert.match(all, /shop\.item\.remark/);
    assert.match(all, /drop column/);
    await until('the plan on the terminal', () => /drop column/.test(server.output));
    assert.equal(await release(), before);
    assert.deepEqual(await server.dataOf('{ items { remark } }'), { items: [{ remark: 'keep' }] });
    assert.equal(server.sql('select remark from shop.item'), 'keep');
    assert.equal(await server.reload(() => server.save('shop',
      shop('    price = money { default = 5 },\n    remark = text { size = 30 },\n'))), null);
  });

  test('in a folder that is new brings an app', async () => {
    const error = await server.reload(() => server.save('staff', `app "staff" { version = "0.1.0" }
      model "Person" { fields = { name = text {} } }
      access "Person" { public = "all" }`));
    assert.equal(error, null);
    const { person } = await server.dataOf('mutation { person: createPerson(data: { name: "Ann" }) { name } }');
    assert.deepEqual(person, { name: 'Ann' });
    assert.match(await release(), /shop@1\.0\.0\+[0-9a-f]{8},staff@0\.1\.0\+/);
    assert.deepEqual(server.status().releases.map((one) => one.app).sort(), ['shop', 'staff']);
  });

  test('beside app.lua belongs to the app, and goes with its file', async () => {
    const more = `model "Skill" { fields = { name = text {} } }
      access "Skill" { public = "all" }`;
    assert.equal(await server.reload(() => server.save('staff', more, 'more/skill.lua')), null);
    assert.deepEqual(await server.dataOf('{ skills { name } }'), { skills: [] });
    assert.equal(await server.reload(() => fs.rmSync(server.file('staff', 'more/skill.lua'))), null);
    const { errors } = await server.ask('{ skills { name } }');
    assert.match(errors[0].message, /Cannot query field "skills"/);
  });

  test('that is gone with its folder takes the app away, not its data', async () => {
    assert.equal(await server.reload(() => fs.rmSync(path.dirname(server.file('staff')),
      { recursive: true })), null);
    const { errors } = await server.ask('{ people { name } }');
    assert.match(errors[0].message, /Cannot query field "people"/);
    assert.equal(server.sql('select name from staff.person'), 'Ann');
    assert.deepEqual(server.status().releases.map((one) => one.app), ['shop']);
  });

  test('that says nothing new loads nothing', async () => {
    const before = await release();
    const text = fs.readFileSync(server.file('shop'), 'utf8');
    await server.reload(() => server.save('shop', text));
    assert.equal(await release(), before);
  });

  test('twenty times in a row fails none of 100 requests a second', async (t) => {
    const times = [];
    const load = new Load(t, server, { rate: 100, query: '{ items { name price } __typename }' });
    for (let i = 1; i <= 20; i++) {
      const mark = Date.now();
      const before = await release();
      const extra = Array.from({ length: i }, (_, k) => `    extra_${k + 1} = int { default = ${k + 1} },\n`);
      server.save('shop', shop(
        `    price = money { default = 5 },\n    remark = text { size = 30 },\n${extra.join('')}`));
      await until('the new release', async () => await release() !== before);
      times.push(Date.now() - mark);
      const { items } = await server.dataOf(`{ items { extra_${i} } }`.replace(/extra_/, 'extra'));
      assert.deepEqual(items, [{ [`extra${i}`]: i }]);
    }
    const { answers, failures } = await load.stop();
    assert.deepEqual(failures.map(({ error }) => error.message), []);
    assert.deepEqual(refusals(answers), []);
    assert.ok(answers.length >= 20, `${answers.length} requests`);
    assert.equal(server.status().last_error, null);
    times.sort((a, b) => a - b);
    console.log(`save to served: median ${times[10]} ms of 20; ${answers.length} requests meanwhile`);
  });

  test('under load never mixes two releases in one answer', async (t) => {
    const names = ['first', 'second'];
    const texts = names.map((name) => shop('    remark = text { size = 30 },\n', `model "Mark" {
      fields = { value = text { default = "${name}" } } }
      access "Mark" { public = "all" }`));
    const keep = fs.readFileSync(server.file('shop'), 'utf8');
    const withMark = (i) => keep + texts[i].slice(texts[i].indexOf('model "Mark"'));
    assert.equal(await server.reload(() => server.save('shop', withMark(0))), null);
    const releases = [await release()];
    const load = new Load(t, server, {
      clients: 4,
      query: 'mutation { a: createMark(data: {}) { value } b: createMark(data: {}) { value } }',
    });
    for (let i = 1; i <= 6; i++) {
      assert.equal(await server.reload(() => server.save('shop', withMark(i % 2))), null);
      releases[i % 2] = await release();
    }
    const { answers, failures } = await load.stop();
    assert.deepEqual(failures, []);
    assert.deepEqual(refusals(answers), []);
    for (const { headers, text } of answers) {
      const { a, b } = JSON.parse(text).data;
      assert.equal(a.value, b.value);
      assert.equal(a.value, names[releases.indexOf(headers['lunette-release'])]);
    }
  });
});
