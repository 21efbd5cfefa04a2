/*
 * Tests of an app against a site of Headway, by Node's own test runner:
 *
 *   node --test examples/node
 *
 * The app here is twenty lines and checks nothing: put yours in its place.
 */

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import { after, before, beforeEach, test } from "node:test";

import { Site } from "./site.mjs";

const site = new Site();
const heard = [];
let app;

before(async () => {
  app = createServer(async (request, response) => {
    const url = `http://127.0.0.1:${app.address().port}`;
    if (request.method === "GET") {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(descriptor(url)));
      return;
    }
    heard.push([request.url, request.headers.authorization?.split(" ")[0]]);
    request.resume();
    response.writeHead(204).end();
  });
  app.listen(0, "127.0.0.1");
  await once(app, "listening");
});

after(() => {
  app.closeAllConnections();
  app.close();
});

beforeEach(async () => {
  await site.reset();
  heard.length = 0;
});

const descriptor = (url) => ({
  key: "node-example",
  name: "An app in Node.js",
  baseUrl: url,
  authentication: { type: "jwt" },
  apiMigrations: { "signed-install": true },
  lifecycle: { installed: "/installed" },
  scopes: ["READ"],
  modules: { webhooks: [{ event: "jira:issue_updated", url: "/updated" }] },
});

const install = () => site.install(`http://127.0.0.1:${app.address().port}/atlassian-connect.json`);

test("the app is installed, and hears of a change with its token in the header", async () => {
  const installed = await install();
  assert.equal(installed.key, "node-example");
  await site.change("issue", "DEMO-1", { summary: "Changed by a test" });
  assert.deepEqual(heard, [
    ["/installed", "JWT"],
    ["/updated", "JWT"],
  ]);
  assert.deepEqual(await site.traffic({ location: "query" }), []);
});

test("a user's session reads what the user may read", async () => {
  const { site: url } = await site.state();
  const asked = () => fetch(`${url}/rest/api/3/issue/DEMO-1`, { headers });
  let headers = {};
  assert.equal((await asked()).status, 401);
  headers = await site.login("user");
  assert.equal((await asked()).status, 200);
});

test("a token in the address is not looked at on 2 February 2022", async () => {
  const { site: url } = await site.state();
  await site.at("2022-02-02");
  const answer = await fetch(`${url}/rest/api/3/myself?jwt=anything`);
  assert.equal(answer.status, 401);
  const [seen] = await site.traffic({ location: "query" });
  assert.equal(seen.verdict, "not inspected");
});

test("the site has a bad day", async () => {
  const { site: url } = await site.state();
  await site.fault({ path: "/rest/api/3/serverInfo", status: 503, headers: { "Retry-After": "1" } });
  assert.equal((await fetch(`${url}/rest/api/3/serverInfo`)).status, 503);
  assert.equal((await fetch(`${url}/rest/api/3/serverInfo`)).status, 200);
});

test("what can not be is said in one sentence", async () => {
  await assert.rejects(site.at("tomorrow"), /A date is written as/);
});
