// A codec for readings that are a type byte and a value, big-endian, as sensors of ELSYS send them. In the JavaScript of 2015 and later.
"use strict";

const signed = (view, at) => view.getInt16(at) / 10;
const whole = (view, at) => view.getUint16(at);
const TYPES = new Map([
  [0x01, { name: "temperature", size: 2, read: signed }],
  [0x02, { name: "humidity", size: 1, read: (view, at) => view.getUint8(at) }],
  [0x07, { name: "vdd", size: 2, read: whole }],
  [0x08, { name: "analog1", size: 2, read: whole }],
  [0x0a, { name: "pulse1", size: 2, read: whole }],
  [0x0c, { name: "externalTemperature", size: 2, read: signed }],
  [0x0d, { name: "digital", size: 1, read: (view, at) => view.getUint8(at) }],
  [0x14, { name: "pressure", size: 4, read: (view, at) => view.getInt32(at) / 1000 }],
]);

function decodeUplink({ bytes }) {
  const view = new DataView(Uint8Array.from(bytes).buffer);
  const data = {};
  for (let at = 0; at < view.byteLength; ) {
    const type = TYPES.get(view.getUint8(at));
    at += 1;
    if (type === undefined || at + type.size > view.byteLength) {
      return { errors: [`unknown or cut off at byte ${at - 1}`] };
    }
    data[type.name] = type.read(view, at);
    at += type.size;
  }
  return { data };
}
