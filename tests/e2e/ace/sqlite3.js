/*
 * What sequelize asks of the package sqlite3, on SQLite as WebAssembly: that package is a native
 * build, and the tests build nothing.  Calls are synchronous here and answered in their order.
 */
"use strict";

const { Database: Wasm } = require("node-sqlite3-wasm");

/** Sequelize knows the end of a write by the name of what it is bound to. */
class Statement {
  constructor({ changes = 0, lastInsertRowId = 0 } = {}) {
    this.changes = changes;
    this.lastID = Number(lastInsertRowId);
  }
}

class Database {
  constructor(filename, mode, opened) {
    this.filename = filename;
    this.inner = new Wasm(filename);
    setImmediate(opened, null);
  }

  serialize(work) {
    work();
  }

  answer(call, done = () => {}) {
    try {
      const value = call();
      setImmediate(() => done.call(new Statement(value), null, Array.isArray(value) ? value : []));
    } catch (error) {
      setImmediate(() => done.call(new Statement(), error));
    }
  }

  all(sql, ...rest) {
    const [values, done] = rest.length > 1 ? rest : [undefined, rest[0]];
    this.answer(() => this.inner.all(sql, values), done);
  }

  run(sql, ...rest) {
    const [values, done] = rest.length > 1 ? rest : [undefined, rest[0]];
    this.answer(() => this.inner.run(sql, values), done);
  }

  exec(sql, done) {
    this.answer(() => void this.inner.exec(sql), done);
  }

  close(done) {
    this.answer(() => void this.inner.close(), done);
  }
}

module.exports = { Database, OPEN_READWRITE: 2, OPEN_CREATE: 4, OPEN_FULLMUTEX: 0x10000 };
