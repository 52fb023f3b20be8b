// Arguments of calls that are more than texts and numbers: exact amounts, Json,
// and records given by their ids.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Server } from './support/server.mjs';

const app = `app "bank" {}
role "clerk" {}
model "Account" { fields = { name = text {}, balance = money {}, data = json {} } }
model "Vault" { fields = { name = text {} } }
access "Account" { clerk = "all" }

mutation "pay" {
  by = "clerk", returns = { left = money {}, names = list(text), ids = list(id), json = text },
  args = { account = ref "Account" { required = true }, others = refs "Account" {},
           sum = money { required = true }, fees = list(money), json = json },
  run = function(args)
    local total, names = args.sum * 2, {}
    for _, fee in ipairs(args.fees or {}) do total = total + fee end
    for i, other in each(args.others or {}) do names[i] = other.name end
    args.account:set { balance = args.account.balance - total }
    return { left = args.account.balance, names = names, ids = args.others,
             json = args.json and tostring(args.json.x == null) }
  end,
}
query "vault_name" { by = "clerk", args = { vault = ref "Vault" {} }, returns = text,
  run = function(args) return args.vault and args.vault.name end }
mutation "open" { by = "clerk", args = { name = text }, returns = "Account", run = function(args)
  return create("Account", { name = args.name, balance = "10.00", data = { x = null } })
end }
query "nulls" { by = "clerk", returns = bool, run = function()
  return one("Account").data.x == null
end }
`;

let server, clerk, first, second;
const ask = (query, variables) => server.ask(query, variables, clerk);

describe('arguments', () => {
  before(async () => {
    server = await Server.start({ apps: { bank: app }, args: ['--workers', '1'] });
    clerk = { token: server.token('admin', ['bank.clerk']) };
    first = (await ask('mutation { open(name: "a") { id } }')).data.open.id;
    second = (await ask('mutation { open(name: "b") { id } }')).data.open.id;
  });
  after(() => server?.down());

  test('that are money are exact, those that name records are records', async () => {
    const { data } = await ask(`mutation($all: [ID!], $json: Json) { pay(account: "${first}",
      others: $all, sum: "0.10", fees: ["0.01", 1], json: $json) { left names ids json } }`,
    { all: [second, first, second], json: { x: null } });
    assert.deepEqual(data.pay, { left: '8.79', names: ['b', 'a', 'b'],
      ids: [second, first, second], json: 'true' });
  });

  test('that name no record are refused before anything runs', async () => {
    const missing = first.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
    for (const args of [`account: "${missing}"`, 'account: "x"',
      `account: "${first}", others: ["${second}", "${missing}"]`]) {
      const { errors: [error] } = await ask(`mutation { pay(${args}, sum: 1) { left } }`);
      assert.equal(error.extensions.code, 'NOT_FOUND', args);
      assert.match(error.message, /^No Node for the model Account with value/);
    }
    assert.equal(server.sql(`select balance from bank.account where id = '${first}'`), '8.79');
  });

  test('that name records of a model the caller may not read are forbidden', async () => {
    assert.equal((await ask('{ vaultName }')).errors[0].extensions.code, 'FORBIDDEN');
  });

  test('and fields with Json have null as null', async () => {
    assert.equal((await ask('{ nulls }')).data.nulls, true);
  });
});
