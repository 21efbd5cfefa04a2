// A program as it was written before 2022: its token stands in the address, and stays there.
//   node relay_client.js request|fetch BASE_URL METHOD PATH
'use strict';

const jwt = require('atlassian-jwt');

const [, , how, base, method, path] = process.argv;
const { APP_KEY: iss, SHARED_SECRET: secret } = process.env;
const now = Math.floor(Date.now() / 1000);
const qsh = jwt.createQueryStringHash(jwt.fromMethodAndUrl(method, path));
const token = jwt.encodeSymmetric({ iss, iat: now, exp: now + 180, qsh }, secret);
const url = `${base}${path}${path.includes('?') ? '&' : '?'}jwt=${token}`;
const say = (status, text) => console.log(status, text.slice(0, 200));

if (how === 'fetch') {
  fetch(url, { method }).then(async (answer) => say(answer.status, await answer.text()));
} else {
  require('request')({ url, method, timeout: 30000 }, (error, answer, body) => {
    if (error) throw error;
    say(answer.statusCode, body);
  });
}
