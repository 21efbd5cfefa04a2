// Express behind the built-in proxy: says what it got.
const express = require(process.argv[2]);

const app = express();
app.use((request, response) => {
  response.json({ target: request.originalUrl, headers: request.headers, query: request.query });
});
const server = app.listen(0, "127.0.0.1", () => console.log(server.address().port));
