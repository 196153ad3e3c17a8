// A codec for readings that are a channel, a type and a value, little-endian, as sensors of Milesight send them.
// In the JavaScript that old network servers know: one function, `var`, prototypes.
function Reader(bytes) {
    this.bytes = bytes;
    this.at = 0;
}

Reader.prototype.byte = function () {
    var byte = this.bytes[this.at];
    this.at = this.at + 1;
    return byte;
};

Reader.prototype.unsigned = function (size) {
    var value = 0;
    for (var place = 0; place < size; place = place + 1) {
        value = value + this.byte() * Math.pow(256, place);
    }
    return value;
};

Reader.prototype.tenths = function () {
    var value = this.unsigned(2);
    if (value >= 32768) {
        value = value - 65536;
    }
    return value / 10;
};

Reader.prototype.leakage = function () {
    return this.byte() === 0 ? 'normal' : 'leak';
};

function Decoder(bytes, port) {
    var reader = new Reader(bytes);
    var said = {};
    while (reader.at < bytes.length) {
        switch (reader.byte() * 256 + reader.byte()) {
            case 0x0175: said.battery = reader.byte(); break;
            case 0x0367: said.temperature = reader.tenths(); break;
            case 0x0468: said.humidity = reader.byte() / 2; break;
            case 0x0500: said.leakage_status = reader.leakage(); break;
            case 0xff03: said.report_interval = reader.unsigned(2); break;
            case 0x20ce:
                said.history = said.history || [];
                said.history.push({
                    timestamp: reader.unsigned(4),
                    temperature: reader.tenths(),
                    humidity: reader.byte() / 2,
                    leakage_status: reader.leakage()
                });
                break;
            default: throw new Error('unknown before byte ' + reader.at);
        }
    }
    return said;
}

function decodeUplink(input) {
    return { data: Decoder(input.bytes, input.fPort) };
}
