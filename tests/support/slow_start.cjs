// Loaded into a gateway by NODE_OPTIONS: its one thread stands still before anything is loaded until the
// file SLOW_START.load exists, and again once its port is open until SLOW_START.serve exists.
"use strict";
const fs = require("fs");
const net = require("net");
const gate = process.env.SLOW_START;
delete process.env.NODE_OPTIONS; // not in its helpers

function standStill(until) {
  const word = new Int32Array(new SharedArrayBuffer(4));
  while (!fs.existsSync(`${gate}.${until}`)) Atomics.wait(word, 0, 0, 50);
}

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (...args) {
  this.once("listening", () => {
    const address = this.address();
    if (address && String(address.port) === process.env.SLOW_PORT) standStill("serve");
  });
  return listen.apply(this, args);
};
standStill("load");
