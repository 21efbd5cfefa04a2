// An upstream behind the gateway: Express, and the check of npm atlassian-jwt.
//
// A line of JSON on standard input is a question, a line on standard output its
// answer; the first line says the port.  {method, target, claims} asks for a token
// as a client of that library makes it.  Whatever else is known is learnt over HTTP.
"use strict";

const readline = require("readline");
const jwt = require("atlassian-jwt");
const express = require("express");

const secret = process.env.SECRET;
const base = process.env.BASE || "";

function hash(request) {
  return jwt.createQueryStringHash(request, false, base);
}

// What the library's check says of a request with the token in its header, or in its URL.
function verdict(req) {
  const [scheme, inHeader] = (req.headers.authorization || "").split(" ");
  const token = scheme === "JWT" ? inHeader : req.query.jwt;
  if (typeof token !== "string") return "no token";
  try {
    const claims = jwt.decodeSymmetric(token, secret, jwt.SymmetricAlgorithm.HS256);
    return claims.qsh === hash(jwt.fromExpressRequest(req)) ? "accepted" : "another hash";
  } catch (error) {
    return "no signature of ours";
  }
}

// Every way in which a program on Express may come by a token in the URL.
function read(req) {
  const simple = new URLSearchParams(req.originalUrl.split("?").slice(1).join("?"));
  return { express: req.query, simple: Object.fromEntries(simple), url: req.originalUrl };
}

const app = express();
app.use((req, res) => {
  const claimed = req.headers.authorization || null;
  res.json({ verdict: verdict(req), read: read(req), authorization: claimed });
});

const server = app.listen(0, "127.0.0.1", () => {
  console.log(JSON.stringify({ port: server.address().port }));
});

const lines = readline.createInterface({ input: process.stdin });
lines.on("line", (line) => {
  const { method, target, claims } = JSON.parse(line);
  const qsh = hash(jwt.fromMethodAndUrl(method, target));
  const token = jwt.encodeSymmetric({ ...claims, qsh }, secret, jwt.SymmetricAlgorithm.HS256);
  console.log(JSON.stringify({ qsh, token }));
});
lines.on("close", () => process.exit(0));
