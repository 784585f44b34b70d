import assert from "node:assert/strict";
import { test } from "node:test";
import { HEADER, parseFrame } from "../frame.js";

/** A message as the server makes it; every field has its own value, so that no two can be mixed up. */
function message({ version = 1, flags = 0, jpeg = [0xff, 0xd8, 0xff, 0xd9], captured = 1_790_000_000_123_456n, age = 45_678 } = {}) {
  const view = new DataView(new ArrayBuffer(HEADER + jpeg.length));
  view.setUint8(0, version);
  view.setUint8(1, flags);
  view.setUint16(2, 0xfedc);
  view.setUint32(4, 0xfffffff0);
  view.setBigInt64(8, captured);
  view.setUint32(16, 0x80000001);
  view.setUint32(20, age);
  jpeg.forEach((byte, i) => view.setUint8(HEADER + i, byte));
  return view.buffer;
}

test("all fields, at the top of their ranges", () => {
  assert.deepEqual(parseFrame(message()), {
    notLive: false,
    stream: 0xfedc,
    seq: 0xfffffff0,
    captured: 1_790_000_000_123_456,
    skipped: 0x80000001,
    ageMs: 45.678,
    jpeg: new Uint8Array([0xff, 0xd8, 0xff, 0xd9]),
  });
});

test("the picture is a view, not a copy", () => {
  const buffer = message();
  assert.equal(parseFrame(buffer)?.jpeg.buffer, buffer);
});

/** @type {[string, ArrayBuffer, Partial<import("../frame.js").Frame>][]} */
const odd = [
  ["not live", message({ flags: 1 }), { notLive: true }],
  ["flags of a later version are no business of ours", message({ flags: 0xfe }), { notLive: false }],
  ["all flags", message({ flags: 0xff }), { notLive: true }],
  ["captured before 1970", message({ captured: -1n }), { captured: -1 }],
  ["age at its limit", message({ age: 0xffffffff }), { ageMs: 4_294_967.295 }],
  ["one byte of picture, whatever it is", message({ jpeg: [0] }), { jpeg: new Uint8Array([0]) }],
];
for (const [name, buffer, want] of odd) {
  test(name, () => {
    const frame = parseFrame(buffer);
    for (const [field, value] of Object.entries(want)) assert.deepEqual(frame?.[field], value);
  });
}

test("truncated anywhere in the header, or without a picture", () => {
  const whole = message();
  for (let length = 0; length <= HEADER; length++) assert.equal(parseFrame(whole.slice(0, length)), null, `${length} bytes`);
});

test("other versions", () => {
  for (const version of [0, 2, 255]) assert.equal(parseFrame(message({ version })), null);
});

test("what is no binary message", () => {
  for (const value of ["text", null, undefined, 7, {}, new Uint8Array(64)]) assert.equal(parseFrame(value), null);
});

test("random bytes never throw", () => {
  for (let i = 0; i < 2000; i++) {
    const bytes = Uint8Array.from({ length: i % 80 }, (_, k) => (i * 2654435761 + k * 40503) >>> (k % 24));
    if (i % 2 && bytes.length) bytes[0] = 1;
    const frame = parseFrame(bytes.buffer);
    if (frame) assert.equal(frame.jpeg.length, bytes.length - HEADER);
  }
});
