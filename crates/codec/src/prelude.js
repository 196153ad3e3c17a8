// What the engine is before a codec is run in it. Gives the function through which the codec is called.
(function (moment) {
  "use strict";
  const { construct, deleteProperty } = Reflect;
  const RealDate = Date;
  const defined = Object.defineProperty;

  // There is no clock: the moment is that of the message, or else the beginning of 1970.
  const now = RealDate.parse(moment) || 0;
  function FixedDate(...parts) {
    if (new.target === undefined) return new RealDate(now).toString();
    const kind = new.target === FixedDate ? RealDate : new.target;
    return construct(RealDate, parts.length === 0 ? [now] : parts, kind);
  }
  for (const name of ["UTC", "parse"]) {
    defined(FixedDate, name, { value: RealDate[name], writable: true, configurable: true });
  }
  defined(FixedDate, "now", { value: () => now, writable: true, configurable: true });
  defined(FixedDate, "name", { value: "Date", configurable: true });
  defined(FixedDate, "length", { value: 7, configurable: true });
  defined(FixedDate, "prototype", { value: RealDate.prototype, writable: false });
  defined(RealDate.prototype, "constructor", { value: FixedDate, writable: true, configurable: true });
  defined(globalThis, "Date", { value: FixedDate, writable: true, configurable: true });

  // There is no chance, and nobody to wait for.
  deleteProperty(Math, "random");
  for (const name of ["Atomics", "SharedArrayBuffer", "performance", "WeakRef", "FinalizationRegistry"]) {
    deleteProperty(globalThis, name);
  }

  return function (decode, input) {
    if (input.recvTime !== undefined) input.recvTime = new RealDate(input.recvTime);
    return decode(input);
  };
});
