// An app adds fields, checks and hooks to a model of another app.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { Server, lunette, until } from './support/server.mjs';

const base = `app "base" { version = "1.0.0" }
model "Partner" {
  fields = { name = text { required = true, size = 50 }, trail = text {} },
  before_create = function(partners)
    for _, partner in each(partners) do partner.trail = "base" end
  end,
}
access "Partner" { admin = "all" }
`;

const crm = `app "crm" { version = "1.0.0", depends = { "base" } }
model "Lead" {
  fields = { name = text {}, partner = ref "base.Partner" {} },
}
access "Lead" { admin = "all" }

extend "base.Partner" {
  fields = {
    score = int { default = function(partner) return #partner.name end, min = 0 },
    grade = enum { "A", "B", default = "B", required = true },
    leads = many "Lead" { by = "partner" },
    tags  = refs "Tag" { one_sided = true },
  },
  check = { "score == nil or score ~= 13", "{score} must not be 13" },
  before_create = function(partners)
    for _, partner in each(partners) do
      partner.trail = partner.trail .. " crm"
      if partner.name == "endless" then while true do end end
    end
  end,
  after_create = function(partners)
    for _, partner in each(partners) do
      create("Lead", { name = "first of " .. partner.name, partner = partner })
    end
  end,
}
model "Tag" { fields = { name = text {} } }
access "Tag" { admin = "all" }
`;

const policy = 'app "crm" { extend = { "base.Partner" }, limits = { cpu = "50ms" } }\n';

let server;
before(async () => {
  server = new Server({ apps: { base, crm } });
  fs.writeFileSync(path.join(server.folder, 'policy.lua'), policy);
  server.launch();
  await server.ready();
});
after(() => server?.down());

const CREATE = `mutation($data: PartnerCreateInput!) { createPartner(data: $data)
  { id name trail score grade leads { name } tags { name } } }`;

describe('a model that another app extends', () => {
  test('has its fields in the API, in filters and in nested writes', async () => {
    const { createPartner } = await server.dataOf(CREATE,
      { data: { name: 'Bolt', tags: { create: [{ name: 'x' }] } } });
    delete createPartner.id;
    assert.deepEqual(createPartner, { name: 'Bolt', trail: 'base crm', score: 4, grade: 'B',
      leads: [{ name: 'first of Bolt' }], tags: [{ name: 'x' }] });
    const found = await server.dataOf(
      '{ partners(where: { score_gt: 3, grade: B, leads_some: { name_contains: "Bolt" } }) { name } }');
    assert.deepEqual(found.partners, [{ name: 'Bolt' }]);
    assert.equal(server.sql('select count(*) from base.partner where grade = \'B\''), '1');
  });

  test('has its checks', async () => {
    const { errors: [error] } = await server.ask(CREATE, { data: { name: 'x', score: 13 } });
    assert.equal(error.extensions.code, 'VALIDATION_FAILED');
    assert.equal(error.message, 'score must not be 13');
  });

  test('charges what the hooks use to the app that wrote them', async () => {
    const { errors: [error] } = await server.ask(CREATE, { data: { name: 'endless' } });
    assert.equal(error.extensions.code, 'BUDGET_EXCEEDED');
    assert.equal(error.extensions.app, 'crm');
    assert.equal(server.sql('select count(*) from base.partner where name = \'endless\''), '0');
  });

  test('needs a grant, and says which one', async () => {
    const folder = path.join(server.folder, 'ungranted');
    fs.mkdirSync(folder);
    fs.cpSync(server.apps, path.join(folder, 'apps'), { recursive: true });
    const run = lunette(['check', '--apps', path.join(folder, 'apps'),
      '--data', path.join(folder, 'data')]);
    assert.equal(run.code, 1);
    assert.match(run.stdout + run.stderr, new RegExp('apps/crm/app\\.lua:\\d+: extend'
      + " 'base\\.Partner': policy must grant app 'crm': extend = \\{ 'base\\.Partner' \\}"));
  });

  test('loses nothing when the app goes, and nothing stands in its way', async () => {
    const keep = path.join(server.apps, 'crm');
    assert.equal(await server.reload(() => fs.rmSync(keep, { recursive: true })), null);
    const gone = await server.ask('{ partners { score } }');
    assert.equal(gone.errors[0].extensions.code, 'GRAPHQL_VALIDATION_FAILED');
    const { createPartner } = await server.dataOf(
      'mutation { createPartner(data: { name: "Later" }) { name trail } }');
    assert.deepEqual(createPartner, { name: 'Later', trail: 'base' });
    assert.equal(server.sql('select score from base.partner where name = \'Bolt\''), '4');
    assert.equal(server.sql('select count(*) from base._partner_tags'), '1');

    server.sql('update base.partner set grade = \'A\' where grade is null');
    server.save('crm', crm);
    const { data } = await until('the app', async () => {
      const answer = await server.ask(
        '{ partners(orderBy: name_ASC) { name score grade tags { name } } }');
      return !answer.errors && answer;
    });
    assert.deepEqual(data.partners, [
      { name: 'Bolt', score: 4, grade: 'B', tags: [{ name: 'x' }] },
      { name: 'Later', score: null, grade: 'A', tags: [] }]);
  });
});
