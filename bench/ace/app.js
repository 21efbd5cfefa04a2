/*
 * The peer of bench/app.py: one bare route, and one behind the framework's check of a context token.
 *
 * BENCH_STORE says where installations are: "map", "memory" (the default: SQLite in memory), or the
 * address of a PostgreSQL.
 */
"use strict";

const ace = require("atlassian-connect-express");
const bodyParser = require("body-parser");
const express = require("express");

ace.store.register("map", () => {
  const kept = new Map();
  const place = (key, clientKey) => `${clientKey} ${key}`;
  const store = {
    get: async (key, clientKey) => kept.get(place(key, clientKey)) ?? null,
    set: async (key, value, clientKey) => (kept.set(place(key, clientKey), value), value),
    del: async (key, clientKey) => void kept.delete(place(key, clientKey)),
    saveInstallation: (value, clientKey) => store.set("clientInfo", value, clientKey),
    isMemoryStore: () => true,
  };
  return store;
});

const where = process.env.BENCH_STORE;
const stores = {
  map: { adapter: "map" },
  memory: { adapter: "sequelize", type: "memory", logging: false },
};
const postgres = { adapter: "sequelize", dialect: "postgres", url: where, logging: false };
const store = stores[where] ?? postgres;

const app = express();
const addon = ace(app, { config: { production: { store, whitelist: "localhost" } } });
app.use(bodyParser.json());
app.get("/bare", (req, res) => res.json({ account: "nobody" }));
app.use(addon.middleware());
app.get("/me", addon.checkValidToken(), (req, res) => {
  res.json({ account: req.context.userAccountId });
});

const { port } = new URL(addon.config.localBaseUrl());
app.listen(Number(port), "127.0.0.1");
