// Functions of apps in the middle of writes: hooks and computed defaults, in the
// real server, over HTTP.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';

import { Server, until } from './support/server.mjs';

const app = `app "shop" { version = "1.0.0" }

local function note(text)
  create("Entry", { text = text })
end

model "Entry" { fields = { text = text { required = true, size = 200 } } }

model "Product" {
  fields = { name = text { unique = true, size = 20 }, price = money {} },
}

model "Order" {
  fields = {
    code  = text { unique = true, size = 20 },
    total = money { default = "0" },
    state = text { default = function() return "new" end, size = 20 },
    day   = date { default = function() return today() end },
    lines = many "Line" { by = "order", delete = "cascade" },
  },
  before_create = function(orders)
    for _, order in each(orders) do
      if order.code == "compare" and order.total > 3 then order.code = "x" end
      if order.code == "list" then orders.code = "x" end
      if order.code == "refused" then fail("this code is not for orders") end
      if order.code == "broken" then error("a mistake of the app") end
      order.code = order.code and order.code:upper()
    end
  end,
  after_create = function(orders)
    note("orders " .. #orders)
    for _, order in each(orders) do
      note("order " .. order.code .. " with " .. #order.lines)
    end
  end,
  before_write = function(orders, changes)
    for _, order in each(orders) do
      if changes.state == order.state then fail("the state is that already") end
    end
    if changes.state == "done" then changes.day = "2030-01-01" end
  end,
  after_write = function(orders, changes)
    note("changed " .. #orders .. " to " .. tostring(changes.state))
  end,
  before_delete = function(orders)
    for _, order in each(orders) do
      if order.state == "done" then fail("done orders stay") end
    end
  end,
  after_delete = function(orders)
    for _, order in each(orders) do note("gone " .. order.code) end
  end,
}

model "Line" {
  fields = {
    order   = ref "Order" { required = true, on_delete = "cascade" },
    product = ref "Product" {},
    qty     = int { default = 1, min = 1 },
    price   = money { default = function(line)
      return line.product and line.product.price
    end },
    amount  = money { stored = sql "qty * price" },
  },
  before_create = function(lines)
    for _, line in each(lines) do
      if line.qty > 1000 then fail("at most 1000 of a kind") end
    end
  end,
  after_create = function(lines) note("lines " .. #lines) end,
  after_delete = function(lines) note("lines gone " .. #lines) end,
}

model "Deal" {
  fields = {
    name = text {}, value = money {}, due = date {}, data = json {},
    main = ref "Product" {},
  },
  before_write = function(deals, changes)
    for _, deal in each(deals) do
      if changes.value and changes.value > deal.value * 2 then
        fail("at most twice " .. tostring(deal.value))
      end
    end
    if changes.main and changes.main ~= null then changes.name = changes.main.name end
    if changes.due == null then changes.due = "2031-12-31" end
    if changes.name == "keep" then changes.name = nil end
    if changes.name == "nothing" then changes.name, changes.value = nil, nil end
    if changes.name == "typo" then changes.nmae = "x" end
  end,
  after_write = function(deals, changes)
    if changes.value then note("value " .. tostring(changes.value + 1)) end
    for _, deal in each(deals) do note("is " .. tostring(deal.value)) end
  end,
}

enum "Color" { "RED", "BLUE" }
model "Typed" { fields = {
  color  = enum "Color" { default = function() return "BLUE" end },
  flag   = bool { default = function() return false end },
  tags   = list(text) { default = function() return { "a", 'b"c' } end },
  colors = list(enum "Color") { default = function() return { "RED" } end },
  none   = list(int) { default = function() end },
  data   = json { default = function()
    return { x = { 1, 2 }, y = null, z = false } end },
  big    = bigint { default = function() return "9007199254740993" end },
  real   = float { default = function() return 0.1 end },
  exact  = decimal { default = function() return 1 end },
  at     = time { default = function() return "08:30" end },
  key    = uuid { default = function()
    return "01890a5d-ac96-774b-bcce-b302099a8057" end },
  first  = ref "Product" { default = function()
    return one("Product", {}, { order = "name" }) end },
  number = text { unique = true, size = 20, default = function()
    return "T" .. (#find("Typed") + 1) end },
  wrong  = text { size = 9, default = function(typed)
    if typed.number == "T3" then return 5 end end },
} }
access "Typed" { admin = "all" }

model "Copied" {
  fields = {
    text = text {}, int = int {}, big = bigint {}, real = float {}, exact = money {},
    bool = bool {}, day = date {}, moment = datetime {}, time = time {}, json = json {},
    uuid = uuid {}, color = enum "Color" {}, product = ref "Product" {},
    texts = list(text) {}, ints = list(int) {}, bigs = list(bigint) {}, exacts = list(money) {},
    bools = list(bool) {}, days = list(date) {}, moments = list(datetime) {},
    colors = list(enum "Color") {}, copies = int { default = 0 },
  },
  before_create = function(list)
    for i, each_one in each(list) do
      local copy = {}
      for name, value in pairs(each_one) do copy[name] = value end
      copy.copies = 1
      list[i] = copy
    end
  end,
  before_write = function(list, changes)
    for name, value in pairs(changes) do
      if name == "ints" or name == "bools" then
        local copy = {}
        for i, item in ipairs(value) do copy[i] = item end
        changes[name] = copy
      end
    end
    changes.copies = 2
  end,
}
access "Copied" { admin = "all" }

-- Who may fill in a form may not read what others wrote.
role "visitor" {}
model "Form" {
  fields = { text = text {}, secret = text { size = 20, default = "hidden" } },
  after_create = function(forms)
    for _, form in each(forms) do
      if form.secret ~= "hidden" then fail("it is not hidden") end
      as_app(function() note("form " .. form.text) end)
    end
  end,
  before_write = function(forms)
    for _, form in each(forms) do
      if form.text == "final" then fail("it is final") end
      if #find("Form") > 0 then fail("forms can be read") end
    end
  end,
}
access "Form" { visitor = { "create", "write" }, admin = "all" }
mutation "hand_in" { args = { text = text {} }, by = "visitor", run = function(args)
  create("Form", { text = args.text })
end }
mutation "rename_forms" { by = "visitor", run = function()
  as_app(function() return find("Form") end):set { text = "renamed" }
end }

model "Loop" {
  fields = { n = int { default = 0 } },
  after_write = function(loops)
    for _, loop in each(loops) do loop:set { n = loop.n + 1 } end
  end,
}

access "Entry" { admin = "all" }
access "Product" { admin = "all" }
access "Order" { admin = "all" }
access "Line" { admin = "all" }
access "Loop" { admin = "all" }
access "Deal" { admin = "all" }

mutation "make_orders" {
  args = { n = int { required = true } }, returns = list "Order",
  run = function(args)
    local list = {}
    for i = 1, args.n do
      list[i] = { code = "made" .. i, lines = { { qty = 1 }, { qty = 2 } } }
    end
    return create("Order", list)
  end,
}
`;

let server;
before(async () => { server = await Server.start({ apps: { shop: app } }); });
after(() => server?.down());
beforeEach(() => {
  server.sql('truncate shop.entry, shop.product, shop.line, shop."order", shop.loop, shop.deal,'
    + ' shop.typed, shop.copied, shop.form');
});

const entries = () => server.sql('select coalesce(string_agg(text, \', \' order by id), \'\')'
  + ' from shop.entry');
const count = (table) => Number(server.sql(`select count(*) from shop."${table}"`));
const logOf = (error) => until('a line of the log', () =>
  fs.readFileSync(path.join(server.data, 'log/requests.log'), 'utf8')
    .split('\n').find((each) => each.includes(error.extensions.error_id)));
const errorOf = async (query) => (await server.ask(query)).errors?.[0];

describe('computed defaults', () => {
  test('fill what nobody gave, from what is known of the row', async () => {
    await server.dataOf('mutation { createProduct(data: { name: "bolt", price: "2.50" }) { id } }');
    const { createOrder } = await server.dataOf(`mutation { createOrder(data: { code: "a",
      lines: { create: [{ qty: 4, product: { connect: { name: "bolt" } } },
        { price: "9.99" }, {}] } })
      { state day lines(orderBy: qty_DESC) { qty price amount } } }`);
    assert.equal(createOrder.state, 'new');
    assert.equal(createOrder.day, new Date().toISOString().slice(0, 10));
    assert.deepEqual(createOrder.lines.map(({ price }) => price).sort(),
      ['2.50', '9.99', null].sort());
    assert.equal(createOrder.lines[0].amount, '10.00');
  });

  test('may be of any type', async () => {
    await server.dataOf('mutation { createProduct(data: { name: "bolt" }) { id } }');
    const create = `mutation { createTyped(data: {}) { color flag tags colors none data big real
      exact at key first { name } number wrong } }`;
    const { createTyped } = await server.dataOf(create);
    assert.deepEqual(createTyped, { color: 'BLUE', flag: false, tags: ['a', 'b"c'],
      colors: ['RED'], none: [], data: { x: [1, 2], y: null, z: false },
      big: '9007199254740993', real: 0.1, exact: '1.000000', at: '08:30:00',
      key: '01890a5d-ac96-774b-bcce-b302099a8057', first: { name: 'bolt' }, number: 'T1',
      wrong: null });
    assert.equal((await server.dataOf(create)).createTyped.number, 'T2');
    const error = await errorOf(create);
    assert.equal(error.extensions.code, 'INTERNAL');
    assert.match(await logOf(error), /default:Typed\.wrong gives Typed\.wrong a value that must be a text/);
  });

  test('leave alone what was given, also null', async () => {
    const { createOrder } = await server.dataOf(`mutation { createOrder(data: { code: "b",
      state: null, day: "2026-01-02" }) { state day } }`);
    assert.deepEqual(createOrder, { state: null, day: '2026-01-02' });
  });
});

describe('hooks', () => {
  test('of two levels run once each for all rows of a nested create', async () => {
    const { createOrder } = await server.dataOf(`mutation { createOrder(data: { code: "abc",
      lines: { create: [{}, {}, {}] } }) { code lines { qty } } }`);
    assert.equal(createOrder.code, 'ABC');
    assert.equal(entries(), 'orders 1, order ABC with 3, lines 3');
  });

  test('that refuse undo the whole write, and the client reads why', async () => {
    const error = await errorOf(`mutation { createOrder(data: { code: "x",
      lines: { create: [{ qty: 5 }, { qty: 1001 }] } }) { id } }`);
    assert.equal(error.extensions.code, 'VALIDATION_FAILED');
    assert.equal(error.message, 'at most 1000 of a kind');
    assert.deepEqual([count('order'), count('line'), count('entry')], [0, 0, 0]);
  });

  test('that fail undo the whole write, and tell the client nothing else', async () => {
    const error = await errorOf('mutation { createOrder(data: { code: "broken" }) { id } }');
    assert.equal(error.extensions.code, 'INTERNAL');
    assert.doesNotMatch(JSON.stringify(error), /mistake/);
    assert.ok(error.extensions.error_id, JSON.stringify(error));
    assert.equal(count('order'), 0);
    assert.match(await logOf(error), /shop:app\.lua:\d+: a mistake of the app/);
  });

  test('pass values of all types on as they are', async () => {
    await server.dataOf('mutation { createProduct(data: { name: "bolt" }) { id } }');
    const values = { text: 'ü "\\', int: -2, big: '9007199254740993', real: 0.1, exact: '0.10',
      bool: false, day: '2026-02-28', moment: '2026-02-28T23:59:59.999Z', time: '23:59:59',
      json: { a: [null, false, { b: 'x' }] }, uuid: '01890a5d-ac96-774b-bcce-b302099a8057',
      color: 'RED', texts: ['', 'a,"b"', '{}'], ints: [1, -1], bigs: ['9007199254740993', 5],
      exacts: ['1.10', '2.00'], bools: [false, true], days: ['2026-01-01'],
      moments: ['2026-01-01T00:00:00.000Z'], colors: ['BLUE', 'RED'] };
    const data = Object.fromEntries(Object.entries(values)
      .map(([name, value]) => [name, name.endsWith('s') ? { set: value } : value]));
    const names = Object.keys(values).join(' ');
    const { createCopied } = await server.dataOf(`mutation($data: CopiedCreateInput!) {
      createCopied(data: $data) { ${names} copies product { name } } }`,
    { data: { ...data, product: { connect: { name: 'bolt' } } } });
    assert.deepEqual(createCopied, { ...values, copies: 1, product: { name: 'bolt' } });
    await server.dataOf(`mutation($data: CopiedUpdateManyMutationInput!) {
      updateManyCopieds(data: $data) { count } }`, { data });
    const { copieds } = await server.dataOf(`{ copieds { ${names} copies } }`);
    assert.deepEqual(copieds, [{ ...values, copies: 2 }]);
  });

  test('read the records they are about, whoever the caller is', async () => {
    const visitor = { token: server.token('admin', ['shop.visitor']) };
    const handIn = (text) => server.ask(`mutation { handIn(text: "${text}") }`, {}, visitor);
    assert.deepEqual(await handIn('final'), { data: { handIn: true } });
    assert.equal(entries(), 'form final');
    const rename = async () => (await server.ask('mutation { renameForms }', {}, visitor)).errors[0];
    assert.equal((await rename()).message, 'it is final');
    server.sql("update shop.form set text = 'draft'");
    assert.equal((await rename()).extensions.code, 'FORBIDDEN');
    assert.equal(server.sql('select text from shop.form'), 'draft');
  });

  test('compare money with numbers', async () => {
    const { createOrder } = await server.dataOf(
      'mutation { createOrder(data: { code: "compare", total: "3.01" }) { code } }');
    assert.equal(createOrder.code, 'X');
  });

  test('that take the list for a record are told so', async () => {
    const error = await errorOf('mutation { createOrder(data: { code: "list" }) { id } }');
    assert.match(await logOf(error), /a list of Order has no 'code'; take its records one by one/);
  });

  test('see old values, and may change what is written', async () => {
    await server.dataOf('mutation { createOrder(data: { code: "w" }) { id } }');
    const same = await errorOf(`mutation { updateOrder(where: { code: "W" },
      data: { state: "new" }) { id } }`);
    assert.equal(same.message, 'the state is that already');
    const { updateOrder } = await server.dataOf(`mutation { updateOrder(where: { code: "W" },
      data: { state: "done" }) { state day } }`);
    assert.deepEqual(updateOrder, { state: 'done', day: '2030-01-01' });
    assert.match(entries(), /changed 1 to done$/);
  });

  test('get changes as values: decimals, records, null', async () => {
    await server.dataOf(`mutation { a: createProduct(data: { name: "bolt" }) { id }
      b: createDeal(data: { name: "d", value: "10.50", due: "2026-01-01" }) { id } }`);
    const change = async (data) => (await server.ask(
      `mutation { updateManyDeals(data: ${data}) { count } }`)).errors?.[0];
    const deal = async () => (await server.dataOf(
      '{ deals { name value due main { name } } }')).deals[0];
    assert.equal((await change('{ value: "21.01" }')).message, 'at most twice 10.50');
    assert.equal(await change('{ value: "21", due: null }'), undefined);
    assert.deepEqual(await deal(), { name: 'd', value: '21.00', due: '2031-12-31', main: null });
    assert.match(entries(), /value 22, is 21.00$/);
    const { deals: [{ id }] } = await server.dataOf('{ deals { id } }');
    await server.dataOf(`mutation { updateDeal(where: { id: "${id}" },
      data: { main: { connect: { name: "bolt" } } }) { id } }`);
    assert.deepEqual((await deal()).main, { name: 'bolt' });
    assert.equal((await deal()).name, 'bolt');
    assert.equal(await change('{ name: "keep", value: "1" }'), undefined);
    assert.equal((await deal()).name, 'bolt');
    assert.equal(await change('{ name: "nothing", value: "2" }'), undefined);
    assert.deepEqual([(await deal()).name, (await deal()).value], ['bolt', '1.00']);
    assert.equal((await change('{ name: "typo" }')).extensions.code, 'INTERNAL');
  });

  test('run for all rows of an updateMany and a deleteMany at once', async () => {
    await server.dataOf('mutation { makeOrders(n: 20) { id } }');
    const { updateManyOrders } = await server.dataOf(
      'mutation { updateManyOrders(data: { state: "open" }) { count } }');
    assert.equal(updateManyOrders.count, 20);
    assert.match(entries(), /changed 20 to open$/);
    const { deleteManyOrders } = await server.dataOf('mutation { deleteManyOrders { count } }');
    assert.equal(deleteManyOrders.count, 20);
    assert.equal(count('line'), 0);
    assert.equal((entries().match(/gone MADE/g) ?? []).length, 20);
    assert.match(entries(), /lines gone 40/);
  });

  test('may forbid a deletion', async () => {
    await server.dataOf('mutation { createOrder(data: { code: "d", state: "done" }) { id } }');
    const error = await errorOf('mutation { deleteOrder(where: { code: "D" }) { id } }');
    assert.equal(error.message, 'done orders stay');
    assert.equal(count('order'), 1);
  });

  test('run in either branch of an upsert', async () => {
    const upsert = (state) => server.dataOf(`mutation { upsertOrder(where: { code: "U" },
      create: { code: "u" }, update: { state: "${state}" }) { code state } }`);
    assert.deepEqual((await upsert('x')).upsertOrder, { code: 'U', state: 'new' });
    assert.deepEqual((await upsert('x')).upsertOrder, { code: 'U', state: 'x' });
    assert.equal(entries(), 'orders 1, order U with 0, changed 1 to x');
  });

  test('that write what they are called for are stopped', async () => {
    await server.dataOf('mutation { createLoop(data: {}) { id } }');
    const error = await errorOf('mutation { updateManyLoops(data: { n: 1 }) { count } }');
    assert.equal(error.extensions.code, 'BUDGET_EXCEEDED');
    assert.match(error.message, /hooks are nested deeper than 6/);
    assert.equal(server.sql('select n from shop.loop'), '0');
  });

  test('get 1,000 rows of a create at once', async () => {
    await server.dataOf(`mutation { createOrder(data: { code: "big", lines: { create: [${
      Array.from({ length: 1000 }, (_, i) => `{ qty: ${i + 1} }`).join(' ')}] } }) { id } }`);
    assert.equal(entries(), 'orders 1, order BIG with 1000, lines 1000');
  });

  test('run for what functions of apps create', async () => {
    const { makeOrders } = await server.dataOf(
      'mutation { makeOrders(n: 3) { code lines { qty } } }');
    assert.deepEqual(makeOrders.map(({ code, lines }) => [code, lines.length]),
      [['MADE1', 2], ['MADE2', 2], ['MADE3', 2]]);
    assert.match(entries(), /^orders 3, .*lines 6$/);
  });

  test('of many requests at once do not mix', async () => {
    const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => server.ask(
      `mutation { createOrder(data: { code: "${i % 8 === 0 ? 'refused' : `c${i}`}",
        lines: { create: [{}, {}] } }) { code lines { price } } }`)));
    answers.forEach(({ data, errors }, i) => {
      if (i % 8 === 0) assert.equal(errors[0].message, 'this code is not for orders');
      else assert.equal(data.createOrder.code, `C${i}`);
    });
    assert.deepEqual([count('order'), count('line'), count('entry')], [35, 70, 105]);
  });

  test('that refuse undo all fields of a transaction', async () => {
    const error = await errorOf(`mutation @transaction { a: createOrder(data: { code: "a" }) { id }
      b: createOrder(data: { code: "refused" }) { id } }`);
    assert.equal(error.message, 'this code is not for orders');
    assert.deepEqual([count('order'), count('entry')], [0, 0]);
    const apart = await server.ask(`mutation { a: createOrder(data: { code: "a" }) { id }
      b: createOrder(data: { code: "refused" }) { id } }`);
    assert.deepEqual(apart.errors.map(({ path: [name] }) => name), ['b']);
    assert.equal(count('order'), 1);
  });

  test('run once for one Idempotency-Key', async () => {
    const send = () => server.post('mutation { createOrder(data: { code: "idem" }) { code } }', {},
      { headers: { 'idempotency-key': 'hooks-1' } });
    assert.equal((await send()).text, (await send()).text);
    assert.equal(entries(), 'orders 1, order IDEM with 0');
  });

  test('run when a link is changed from the other side', async () => {
    const { createOrder: { id } } = await server.dataOf(
      'mutation { createOrder(data: { code: "l" }) { id } }');
    const { createDeal } = await server.dataOf(`mutation { createProduct(data: { name: "p" }) { id }
      createDeal(data: { name: "d", main: { connect: { name: "p" } } }) { id } }`);
    assert.ok(createDeal.id);
    const line = await server.dataOf(`mutation { updateOrder(where: { id: "${id}" },
      data: { lines: { create: [{ qty: 2 }] } }) { lines { id qty } } }`);
    assert.equal(line.updateOrder.lines[0].qty, 2);
    assert.match(entries(), /lines 1$/);
    await server.dataOf('mutation { deleteProduct(where: { name: "p" }) { id } }');
    assert.equal(server.sql('select main is null from shop.deal'), 't');
    assert.match(entries(), /is nil$/);
  });

  test('of an order that many want at once see one after another', async () => {
    await server.dataOf('mutation { createOrder(data: { code: "one" }) { id } }');
    const answers = await Promise.all(Array.from({ length: 20 }, () => server.ask(
      'mutation { updateOrder(where: { code: "ONE" }, data: { state: "taken" }) { state } }')));
    assert.equal(answers.filter(({ errors }) => !errors).length, 1);
    const refused = answers.filter(({ errors }) => errors);
    assert.deepEqual([...new Set(refused.map(({ errors }) => errors[0].message))],
      ['the state is that already']);
  });
});
