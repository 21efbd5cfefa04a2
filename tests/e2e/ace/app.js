/*
 * A small app on atlassian-connect-express, whose checks are the framework's own.
 *
 * Its store is in memory, or is the framework's own that ACE_STORE names (JSON).
 * It listens on a port of 127.0.0.1 that AC_LOCAL_BASE_URL or its config.json names,
 * writes "ready" when it does, and stops when its standard input ends.  In
 * development it then installs itself where its files say, and writes "registered".
 */
"use strict";

const { once } = require("node:events");
const ace = require("atlassian-connect-express");
const bodyParser = require("body-parser");
const express = require("express");

// ---- stores: one in memory, and those that the framework brings -----------------------------

ace.store.register("map", () => {
  const kept = new Map();
  const place = (key, clientKey) => `${clientKey} ${key}`;
  const store = {
    get: async (key, clientKey) => kept.get(place(key, clientKey)) ?? null,
    set: async (key, value, clientKey) => {
      kept.set(place(key, clientKey), value);
      return value;
    },
    del: async (key, clientKey) => void kept.delete(place(key, clientKey)),
    saveInstallation: (value, clientKey) => store.set("clientInfo", value, clientKey),
    isMemoryStore: () => true,
  };
  return store;
});

const named = JSON.parse(process.env.ACE_STORE ?? '{"adapter": "map"}');
if (named.dialect === "sqlite") named.dialectModule = require("./sqlite3.js");

// ---- the app --------------------------------------------------------------------------------

const app = express();
const addon = ace(app, {
  config: { production: { store: named, whitelist: "localhost" } },
});
const received = [];

app.use(bodyParser.json());
app.use(addon.middleware());

/** Who the framework says is calling. */
function told({ context }) {
  const { clientKey, userAccountId, hostBaseUrl } = context;
  return { clientKey, userAccountId, hostBaseUrl, context: context.context };
}

/** Ask the host with the framework's client: {status, body, sent}. */
function ask(client, method, options) {
  return new Promise((resolve, reject) => {
    client[method](options, (error, response, body) => {
      if (error) return reject(error);
      const { path, headers } = response.request;
      const [scheme] = (headers.authorization ?? headers.Authorization ?? "").split(" ");
      resolve({ status: response.statusCode, body, sent: { path, scheme } });
    });
  });
}

app.get("/panel", addon.authenticate(), (req, res) => {
  res.json({ ...told(req), issue: req.query.issue });
});

app.get("/page", addon.authenticate(), (req, res) => {
  res.json(told(req));
});

/** Ask the host what the query names. */
app.get("/ask", addon.checkValidToken(), async (req, res) => {
  res.json(await ask(addon.httpClient(req), "get", req.query.path));
});

app.get("/context", addon.checkValidToken(), (req, res) => {
  res.json(told(req));
});

app.get("/host", addon.checkValidToken(), async (req, res) => {
  const client = addon.httpClient(req);
  const issue = `/rest/api/3/issue/${req.query.issue}`;
  const comment = { url: `/rest/api/2/issue/${req.query.issue}/comment`, json: { body: "by ACE" } };
  res.json({
    read: await ask(client, "get", { url: issue, qs: { fields: "summary,status", note: "a b*" } }),
    comment: await ask(client, "post", comment),
    myself: await ask(client, "get", "/rest/api/3/myself"),
  });
});

app.post("/enabled", addon.authenticate(), (req, res) => {
  received.push({ event: "enabled", clientKey: req.context.clientKey });
  res.sendStatus(204);
});

app.post("/uninstalled", addon.verifyInstallation(), async (req, res) => {
  const { clientKey, productType } = req.body;
  const client = addon.httpClient({ clientKey });
  const path = productType === "jira" ? "/rest/api/3/myself" : "/rest/api/user/current";
  const last = await ask(client, "get", path);
  await addon.settings.del("clientInfo", clientKey);
  received.push({ event: "uninstalled", clientKey, status: last.status });
  res.sendStatus(204);
});

/** A post function that is too busy the first time. */
app.post("/triggered", addon.authenticate(), (req, res) => {
  const busy = !received.some(({ event }) => event === "triggered");
  const { [`x-atlassian-webhook-retry`]: retry, [`x-atlassian-webhook-identifier`]: id } =
    req.headers;
  const { transition, configuration, issue } = req.body;
  received.push({
    event: "triggered",
    retry: retry ?? null,
    id,
    to: transition.to_status,
    value: configuration.value,
    issue: issue.key,
  });
  res.sendStatus(busy ? 503 : 204);
});

addon.on("jira:issue_updated", (event, body, req) => {
  const { clientKey } = req.context;
  received.push({ event, clientKey, issue: body.issue.key, changed: body.changelog.items });
});

addon.on("page_updated", (event, body, req) => {
  received.push({ event, clientKey: req.context.clientKey, page: body.page.title });
});

/** For the test alone: what the framework let through. */
app.get("/received", (req, res) => {
  res.json(received);
});

const { port } = new URL(addon.config.localBaseUrl());
const server = app.listen(Number(port), "127.0.0.1", () => {
  console.log("ready");
  if (process.env.NODE_ENV === "development") {
    addon.on("addon_registered", () => console.log("registered"));
    addon.register();
  }
});
server.on("error", (error) => {
  console.log(error.code);
  process.exit(1);
});
once(process.stdin.resume(), "end").then(() => process.exit(0));
