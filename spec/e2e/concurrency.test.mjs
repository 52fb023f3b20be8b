// Many changes of the same rows at once.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';
import { Server } from './support/server.mjs';

const APP = `app "club" { version = "1.0.0" }
model "Member" { fields = {
  name    = text { required = true, unique = true, size = 50 },
  points  = int { default = 0 },
  version = bigint {},
  groups  = refs "Team" { by = "members" },
  captain = many "Team" { by = "captain" },
  friends = refs "Member" { one_sided = true },
} }
model "Team" { fields = {
  name    = text { required = true, unique = true, size = 50 },
  members = refs "Member" { by = "groups" },
  captain = ref "Member" {},
} }
access "Member" { public = "all" }
access "Team"   { public = "all" }
`;

describe('a hundred at once', () => {
  let server;
  const agent = new http.Agent({ keepAlive: true, maxSockets: 100 });
  before(async () => {
    server = await Server.start({ apps: { club: APP }, args: ['--workers', '2'] });
    await server.dataOf(`mutation {
      ann: createMember(data: { name: "ann" }) { id } bob: createMember(data: { name: "bob" }) { id }
      red: createTeam(data: { name: "red" }) { id } blue: createTeam(data: { name: "blue" }) { id }
    }`);
  });
  after(() => { agent.destroy(); return server.down(); });

  const hundred = async (query) => {
    const answers = await Promise.all(Array.from({ length: 100 }, (_, i) =>
      server.post(query(i), {}, { agent })));
    const wrong = answers.filter(({ status, json }) => status !== 200 || json.errors);
    assert.deepEqual(wrong.map(({ text }) => text), []);
    return answers.map(({ json }) => json.data);
  };

  test('updates of one record all count', async () => {
    const before = await server.dataOf('{ member(where: { name: "ann" }) { version } }');
    const data = await hundred((i) =>
      `mutation { updateMember(where: { name: "ann" }, data: { points: ${i} }) { version points } }`);
    const versions = data.map(({ updateMember }) => updateMember.version).sort((a, b) => a - b);
    assert.deepEqual(versions, versions.map((_, i) => before.member.version + 1 + i));
  });

  test('updates of two records in both orders do not stop each other', async () => {
    await hundred((i) => {
      const [one, two] = i % 2 ? ['ann', 'bob'] : ['bob', 'ann'];
      return `mutation {
        updateManyMembers(where: { name_in: ["${one}", "${two}"] }, data: { points: ${i} }) { count }
      }`;
    });
    const { members } = await server.dataOf('{ members(where: { name_in: ["ann", "bob"] }) { points } }');
    assert.equal(members[0].points, members[1].points);
  });

  test('upserts of one key make one record', async () => {
    const data = await hundred((i) => `mutation { upsertMember(where: { name: "new" },
      create: { name: "new", points: 0 }, update: { points: ${i} }) { id version } }`);
    assert.equal(new Set(data.map(({ upsertMember }) => upsertMember.id)).size, 1);
    assert.deepEqual(data.map(({ upsertMember }) => upsertMember.version).sort((a, b) => a - b),
      Array.from({ length: 100 }, (_, i) => i + 1));
    const { membersConnection } = await server.dataOf(
      '{ membersConnection(where: { name: "new" }) { aggregate { count } } }');
    assert.equal(membersConnection.aggregate.count, 1);
  });

  test('changes of records that link to each other do not stop each other', async () => {
    const names = Array.from({ length: 8 }, (_, i) => `friend${i}`);
    await server.dataOf(`mutation { ${names.map((name, i) =>
      `a${i}: createMember(data: { name: "${name}" }) { id }`).join(' ')} }`);
    const by = (list) => `[${list.map((name) => `{ name: "${name}" }`).join(', ')}]`;
    await hundred((i) => `mutation { updateMember(where: { name: "${names[i % 8]}" },
      data: { friends: { connect: ${by(i % 2 ? names : [...names].reverse())} } }) { id } }`);
    const { members } = await server.dataOf(
      '{ members(where: { name_starts_with: "friend" }) { friends { name } } }');
    assert.deepEqual(members.map(({ friends }) => friends.length), names.map(() => 8));
  });

  test('connections of the same records link them once', async () => {
    const both = [`mutation {
      updateMember(where: { name: "ann" },
        data: { groups: { connect: [{ name: "red" }, { name: "blue" }] } }) { id }
    }`, `mutation {
      updateTeam(where: { name: "blue" },
        data: { members: { connect: [{ name: "bob" }, { name: "ann" }] } }) { id }
    }`];
    await hundred((i) => both[i % 2]);
    const { teams } = await server.dataOf(
      '{ teams(orderBy: name_ASC) { name members(orderBy: name_ASC) { name } } }');
    assert.deepEqual(teams, [
      { name: 'blue', members: [{ name: 'ann' }, { name: 'bob' }] },
      { name: 'red', members: [{ name: 'ann' }] },
    ]);
  });

  test('connections that take a child from each other leave it with one', async () => {
    await hundred((i) => `mutation { updateMember(where: { name: "${i % 2 ? 'ann' : 'bob'}" },
      data: { captain: { connect: [{ name: "red" }, { name: "blue" }] } }) { id } }`);
    const { teams } = await server.dataOf('{ teams { captain { name } } }');
    for (const { captain } of teams) assert.match(captain.name, /^(ann|bob)$/);
  });

  test('records made below the same parent are all there', async () => {
    await hundred((i) => `mutation { createMember(data: { name: "m${i}",
      groups: { connect: [{ name: "red" }], create: [{ name: "t${i}" }] } }) { id } }`);
    const { team } = await server.dataOf(
      '{ team(where: { name: "red" }) { members(where: { name_starts_with: "m" }) { id } } }');
    assert.equal(team.members.length, 100);
  });

  test('records of the same key are made once, and the others are told', async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, () => server.post(
      'mutation { createTeam(data: { name: "only" }) { id } }', {}, { agent })));
    assert.equal(answers.filter(({ json }) => !json.errors).length, 1);
    for (const { json } of answers.filter((one) => one.json.errors)) {
      assert.equal(json.errors[0].code, 3010);
    }
  });
});
