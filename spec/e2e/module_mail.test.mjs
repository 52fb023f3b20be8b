// The module mail: a real SMTP server with STARTTLS, and the queue before it.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import PostalMime from 'postal-mime';
import { SMTPServer } from 'smtp-server';

import { Server, lunette, request, temporaryFolder, until } from './support/server.mjs';

const pki = temporaryFolder();

function certificate() {
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1',
    '-nodes', '-keyout', 'key.pem', '-out', 'cert.pem', '-days', '30', '-subj', '/CN=localhost',
    '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'], { cwd: pki, stdio: 'ignore' });
  return { key: fs.readFileSync(path.join(pki, 'key.pem')), cert: fs.readFileSync(path.join(pki, 'cert.pem')) };
}

/** A mail server; `mails` is what it has accepted. */
class Postbox {
  mails = [];
  sessions = [];
  refuse = () => null;

  constructor(options) {
    this.options = options;
  }

  async start(port = 0) {
    this.server = new SMTPServer({
      ...this.options, logger: false, disableReverseLookup: true, closeTimeout: 100,
      onConnect: (session, done) => {
        this.sessions.push(session);
        done();
      },
      onAuth: (auth, session, done) => (auth.username === 'crm' && auth.password === 's3cret'
        ? done(null, { user: 'crm' }) : done(new Error('no such user'))),
      onRcptTo: ({ address }, session, done) => {
        const code = this.refuse(address, 'rcpt');
        done(code ? Object.assign(new Error('not here'), { responseCode: code }) : undefined);
      },
      onData: (stream, session, done) => {
        const parts = [];
        stream.on('data', (part) => parts.push(part));
        stream.on('end', async () => {
          const code = this.refuse(session.envelope, 'data');
          if (code) return done(Object.assign(new Error('not this'), { responseCode: code }));
          this.mails.push({
            raw: Buffer.concat(parts).toString('latin1'),
            parsed: await PostalMime.parse(Buffer.concat(parts)),
            to: session.envelope.rcptTo.map(({ address }) => address),
            from: session.envelope.mailFrom.address,
            secure: session.secure, user: session.user,
          });
          return done();
        });
      },
    });
    this.server.on('error', () => {});
    await new Promise((resolve) => this.server.listen(port, '127.0.0.1', resolve));
    this.port = this.server.server.address().port;
    return this;
  }

  stop() {
    return new Promise((resolve) => this.server.close(resolve));
  }

  /** The mail with this subject, once it has come. */
  async mail(subject) {
    return until(`the mail '${subject}'`,
      () => this.mails.find(({ parsed }) => parsed.subject === subject));
  }
}

const base = `app "base" { version = "1.0.0" }
role "employee" {}
model "User" { fields = { login = text { required = true, unique = true, size = 100 },
  name = text {}, active = bool { default = true }, roles = list(text) {} } }
access "User" { employee = "read" }`;

const app = `app "crm" { version = "1.0.0", uses = { "mail", "decimal" } }
model "Note" { fields = { name = text { required = true, size = 1000 } } }
access "Note" { admin = "all" }
mutation "send" { args = { message = json { required = true }, stop = bool {} }, returns = text,
  by = "public",
  run = function(a)
    as_app(function() create("Note", { name = a.message.subject or "none" }) end)
    local id = require("mail").send(a.message)
    if a.stop then error("no") end
    return id
  end }
mutation "try_send" { args = { message = json { required = true } }, returns = text, by = "public",
  run = function(a)
    local ok, err = pcall(require("mail").send, a.message)
    return ok and "sent" or tostring(err)
  end }
mutation "quote" { returns = text, by = "public",
  run = function()
    return require("mail").send { to = "Ann Lee <ann@example.com>", template = "quotation",
      values = { number = "Q-1", customer = { name = "M&M <Ltd>" },
        lines = { { name = "Chair", price = require("decimal").new("12.50") },
          { name = "Table <oak>", price = 100 } } },
      attachments = { { name = "Angebot ü.csv", type = "text/csv", data = "a;b\\n\\0\\255" } } }
  end }
query "from_query" { returns = text, by = "public",
  run = function() return require("mail").send { to = "a@example.com", subject = "x", text = "x" } end }
`;

const hr = `app "hr" { version = "1.0.0", uses = { "mail" } }
mutation "hr_send" { args = { n = int { required = true } }, returns = bool, by = "public",
  run = function(a)
    for i = 1, a.n do
      require("mail").send { to = "x@example.com", subject = "hr " .. i, text = "x" }
    end
    return true
  end }
`;

const files = {
  'app.lua': app,
  'mail/quotation.txt': 'Subject: Quotation {number} für {customer.name}\n\nDear {customer.name},\n'
    + '{#lines}- {name}: {price}\n{/lines}{^notes}No notes.{/notes}\n',
  'mail/quotation.html': '<style>p { color: red }</style><p>Dear {customer.name}</p>'
    + '<ul>{#lines}<li>{name}</li>{/lines}</ul>',
};

const policy = (port, tries = 3) => `app "crm" { modules = { "decimal", mail = {
  server = "smtp://127.0.0.1:${port}", ca = "${pki}/cert.pem",
  from = { "CRM <crm@example.com>", "example.org" }, domains = { "example.com", "*.example.net" },
  user = "crm", password_env = "CRM_MAIL_PASSWORD", tries = ${tries} } } }
  app "hr" { modules = { mail = { server = "smtp://127.0.0.1:${deaf.address().port}",
    from = "hr@example.com", domains = "example.com" } } }`;

let server; let box;
const deaf = net.createServer((socket) => socket.on('error', () => {})); // takes calls, says nothing

before(async () => {
  await new Promise((resolve) => deaf.listen(0, '127.0.0.1', resolve));
  box = await new Postbox({ ...certificate(), authMethods: ['PLAIN', 'LOGIN'] }).start();
  server = await Server.start({
    apps: { base, crm: files, hr, '..': { 'policy.lua': policy(box.port) } },
    args: ['--workers', '2'], env: { CRM_MAIL_PASSWORD: 's3cret' },
  });
});

after(async () => {
  await server?.down();
  await box?.stop();
  deaf.close();
});

const anyone = { user: null };

const send = async (message, more = {}) => (await server.dataOf(
  'mutation($m: Json!, $s: Boolean) { send(message: $m, stop: $s) }', { m: message, s: more.stop }, anyone)).send;
const refusal = async (message) => (await server.dataOf(
  'mutation($m: Json!) { trySend(message: $m) }', { m: message }, anyone)).trySend;
const rows = () => server.sql('select count(*) from lunette.mail');
const emptied = () => until('an empty queue', () => rows() === '0').catch((error) => {
  throw new Error(`${error.message}: ${server.sql('select * from lunette.mail')}`);
});
const tries = async (result) => (await request(`${server.ops}/metrics`)).text.split('\n')
  .filter((line) => line.startsWith('lunette_mail_tries_total{') && line.includes(`result="${result}"`))
  .reduce((sum, line) => sum + Number(line.split(' ').pop()), 0);
/** Makes what waits due now, but not what a worker has claimed (for 25 s). */
const hurry = () => server.sql(`update lunette.mail set next_at = now()
  where parked_at is null and next_at < now() + interval '12 seconds'`);

describe('the module mail', () => {
  test('sends a text by STARTTLS, with the name and password of the policy', async () => {
    const id = await send({ to: 'ann@example.com', subject: 'plain', text: 'Hello\nAnn.\n.\nÄrger & more' });
    const mail = await box.mail('plain');
    assert.equal(mail.secure, true);
    assert.equal(mail.user, 'crm');
    assert.equal(mail.from, 'crm@example.com');
    assert.deepEqual(mail.to, ['ann@example.com']);
    assert.deepEqual(mail.parsed.from, { name: 'CRM', address: 'crm@example.com' });
    assert.equal(mail.parsed.messageId, `<${id}@example.com>`);
    assert.equal(mail.parsed.text.trim(), 'Hello\nAnn.\n.\nÄrger & more');
    assert.ok(Math.abs(new Date(mail.parsed.date) - Date.now()) < 120000);
    await emptied();
    assert.ok(await tries('sent') >= 1);
  });

  test('fills templates, and escapes in HTML', async () => {
    await server.dataOf('mutation { quote }', {}, anyone);
    const { parsed, raw } = await box.mail('Quotation Q-1 für M&M <Ltd>');
    assert.equal(parsed.text.trim().replaceAll('\r', ''),
      'Dear M&M <Ltd>,\n- Chair: 12.50\n- Table <oak>: 100\nNo notes.');
    assert.match(parsed.html, /<style>p \{ color: red \}<\/style><p>Dear M&amp;M &lt;Ltd&gt;<\/p>/);
    assert.match(parsed.html, /<li>Table &lt;oak&gt;<\/li>/);
    assert.deepEqual(parsed.to, [{ name: 'Ann Lee', address: 'ann@example.com' }]);
    const [file] = parsed.attachments;
    assert.equal(file.filename, 'Angebot ü.csv');
    assert.equal(file.mimeType, 'text/csv');
    assert.deepEqual([...new Uint8Array(file.content)], [...Buffer.from('a;b\n\0\xff', 'latin1')]);
    assert.match(raw, /Content-Type: multipart\/alternative/i);
    assert.ok(raw.split('\r\n').every((line) => line.length <= 998 && !/[\x80-\xff]/.test(line)));
  });

  test('writes names outside of ASCII, long subjects, and hides bcc', async () => {
    const subject = `Grüße ${'äöü '.repeat(60)}end`;
    await send({ to: ['Jürgen Groß <j@example.com>', '"Lee, Ann" <ann@a.example.net>'], cc: 'c@example.com',
      bcc: ['hidden@example.com'], reply_to: 'Team <team@elsewhere.org>', from: 'Sales <sales@example.org>',
      subject, html: '<b>x</b>' });
    const mail = await box.mail(subject);
    assert.deepEqual(mail.parsed.to, [{ name: 'Jürgen Groß', address: 'j@example.com' },
      { name: 'Lee, Ann', address: 'ann@a.example.net' }]);
    assert.deepEqual(mail.parsed.cc.map(({ address }) => address), ['c@example.com']);
    assert.deepEqual(mail.parsed.replyTo.map(({ address }) => address), ['team@elsewhere.org']);
    assert.equal(mail.from, 'sales@example.org');
    assert.deepEqual(mail.to.sort(), ['ann@a.example.net', 'c@example.com', 'hidden@example.com', 'j@example.com']);
    assert.doesNotMatch(mail.raw, /hidden/);
  });

  test('sends nothing when the mutation fails', async () => {
    await assert.rejects(send({ to: 'ann@example.com', subject: 'undone', text: 'x' }, { stop: true }), /INTERNAL/);
    await send({ to: 'ann@example.com', subject: 'done after undone', text: 'x' });
    await box.mail('done after undone');
    assert.equal(server.sql("select count(*) from crm.note where name = 'undone'"), '0');
    assert.equal(box.mails.filter(({ parsed }) => parsed.subject === 'undone').length, 0);
  });

  test('belongs into a mutation', async () => {
    const { errors } = await server.ask('{ fromQuery }', {}, anyone);
    assert.match(errors[0].message, /a query changes nothing: mail\.send belongs into a mutation/);
  });

  test('names the grant that is missing', async () => {
    assert.match(await refusal({ to: 'a@example.org', subject: 'x', text: 'x' }),
      /policy must grant app 'crm': modules\.mail\.domains must include 'example\.org'/);
    assert.match(await refusal({ to: 'a@example.com', from: 'boss@example.com', subject: 'x', text: 'x' }),
      /policy must grant app 'crm': modules\.mail\.from must include 'boss@example\.com'/);
    assert.match(await refusal({ to: 'a@notexample.net', subject: 'x', text: 'x' }), /must include 'notexample\.net'/);
  });

  test('refuses what could change the headers', async () => {
    for (const [field, value, why] of [
      ['subject', 'a\r\nBcc: x@example.com', /the subject holds a line end/],
      ['to', 'a@example.com\r\nBcc: x@example.com', /control character/],
      ['to', 'a@example.com, b@example.com', /more than one address/],
      ['to', 'a@example.com> <b@example.com', /is not/],
      ['to', 'Ann\n <a@example.com>', /control character/],
      ['reply_to', 'a@example.com\nX: y', /control character/],
      ['attachments', [{ name: 'a\r\nb', data: 'x' }], /no usable name/],
      ['attachments', [{ name: 'a', type: 'text/plain\r\nX: y', data: 'x' }], /the type must be written/],
      ['to', [], /'to' is needed/],
      ['text', undefined, /'text', 'html' or 'template' is needed/],
      ['template', 'none', /the app has no mail\/none\.txt/],
      ['template', '../app', /'template' must be the name/],
      ['tu', 'x', /unknown field 'tu'/],
      ['to', 'ann', /is not an address/],
      ['to', 'a@b_c.example.com', /is not an address/],
    ]) {
      assert.match(await refusal({ to: 'a@example.com', subject: 'x', text: 'x', [field]: value }), why,
        `${field} ${value}`);
    }
    assert.match(await refusal({ to: 'a@example.com', template: 'quotation', values: {} }),
      /mail\/quotation\.txt:1: there is no value 'number'/);
  });

  test('parks the recipients that are refused for good, and sends to the others', async () => {
    box.refuse = (what, when) => (when === 'rcpt' && what.startsWith('gone') ? 550
      : when === 'rcpt' && what.startsWith('busy') && !box.asked.has(what) && box.asked.add(what) ? 450 : null);
    box.asked = new Set();
    await send({ to: ['gone@example.com', 'busy@example.com', 'ann@example.com'], subject: 'three', text: 'x' });
    assert.deepEqual((await box.mail('three')).to, ['ann@example.com']);
    await until('the second try', () => {
      hurry();
      return box.mails.filter(({ parsed }) => parsed.subject === 'three').length === 2;
    });
    const [first, second] = box.mails.filter(({ parsed }) => parsed.subject === 'three');
    assert.deepEqual(second.to, ['busy@example.com']);
    assert.equal(second.parsed.messageId, first.parsed.messageId);
    await until('a parked mail',
      () => server.sql('select count(*) from lunette.mail where parked_at is not null') === '1');
    assert.match(server.sql('select refused from lunette.mail'), /gone@example\.com.*550/);
    assert.ok(await tries('parked') >= 1);
    server.sql('delete from lunette.mail');
    box.refuse = () => null;
  });

  test('waits for a server that is down, and gives up after its tries', async () => {
    const { port } = box;
    await box.stop();
    await send({ to: 'ann@example.com', subject: 'patient', text: 'x' });
    await until('a failed try', () => server.sql('select problem from lunette.mail').includes('connect'));
    await box.start(port);
    hurry();
    await box.mail('patient');
    await emptied();
    box.refuse = (_, when) => (when === 'data' ? 451 : null);
    await send({ to: 'ann@example.com', subject: 'hopeless', text: 'x' });
    await until('a parked mail', () => {
      hurry();
      return server.sql('select tries from lunette.mail where parked_at is not null') === '3';
    });
    assert.match(server.sql('select problem from lunette.mail'), /451/);
    server.sql('delete from lunette.mail');
    box.refuse = () => null;
  });

  test('does not let the mails of one app wait for the server of another', async () => {
    const heard = new Promise((resolve) => deaf.once('connection', resolve));
    await server.dataOf('mutation { hrSend(n: 30) }', {}, anyone);
    await heard;
    for (let i = 0; i < 20; i++) await send({ to: 'ann@example.com', subject: `beside ${i}`, text: 'x' });
    for (let i = 0; i < 20; i++) await box.mail(`beside ${i}`);
    assert.equal(server.sql("select count(*) from lunette.mail where app = 'hr'"), '30');
    server.sql('delete from lunette.mail');
  });

  test('does not hand its password to a server without TLS, nor to one it does not know', async () => {
    const open = await new Postbox({ hideSTARTTLS: true, authOptional: true }).start();
    await server.reload(() => server.save('..', policy(open.port), 'policy.lua'));
    await send({ to: 'ann@example.com', subject: 'no tls', text: 'x' });
    await until('a failed try', () => server.sql('select problem from lunette.mail') !== '');
    assert.equal(open.mails.length, 0);
    server.sql('delete from lunette.mail');
    await server.reload(() => server.save('..', policy(box.port).replace(/ca = "[^"]*",/, ''), 'policy.lua'));
    await send({ to: 'ann@example.com', subject: 'unknown', text: 'x' });
    await until('a failed try', () => /certificate/.test(server.sql('select problem from lunette.mail')));
    assert.equal(box.mails.filter(({ parsed }) => parsed.subject === 'unknown').length, 0);
    await server.reload(() => server.save('..', policy(box.port), 'policy.lua'));
    hurry();
    await box.mail('unknown');
    await open.stop();
  });

  test('keeps mails whose worker was killed before it sent them', async () => {
    const { port } = box;
    await server.reload(() => server.save('..', policy(box.port, 50), 'policy.lua'));
    const { pids } = server.status();
    await emptied();
    await box.stop();
    for (let i = 0; i < 20; i++) await send({ to: 'ann@example.com', subject: `kill ${i}`, text: 'x' });
    for (const pid of pids.workers) process.kill(pid, 'SIGKILL');
    assert.equal(rows(), '20');
    await box.start(port);
    await until('new workers', () => server.status().pids.workers.every((pid) => pid && !pids.workers.includes(pid)));
    server.sql('update lunette.mail set next_at = now()'); // the claims of the dead
    await until('all mails', () => {
      hurry();
      return new Set(box.mails.map(({ parsed }) => parsed.subject).filter((s) => s.startsWith('kill'))).size === 20;
    });
    await emptied();
  });

  test('takes the templates of a release that was pushed', async () => {
    const folder = temporaryFolder();
    for (const [name, text] of Object.entries({ ...files, 'mail/quotation.txt': 'Subject: Pushed {number}\n\nx' })) {
      fs.mkdirSync(path.dirname(path.join(folder, 'crm', name)), { recursive: true });
      fs.writeFileSync(path.join(folder, 'crm', name), text);
    }
    const run = lunette(['push', 'crm', '--apps', folder, '--data', server.data]);
    assert.equal(run.code, 0, run.stderr);
    await server.dataOf('mutation { quote }', {}, anyone);
    assert.equal((await box.mail('Pushed Q-1')).parsed.text.trim(), 'x');
  });

  test('keeps its password out of set, database and log', async () => {
    const found = spawnSync('grep', ['-rlF', 's3cret', server.data, '--exclude-dir=postgres'], { encoding: 'utf8' });
    assert.equal(found.status, 1, found.stdout);
  });
});
