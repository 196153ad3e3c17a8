"""Runs one test of the broker tests of mosquitto against a server that is there, and prints one line of JSON.

    python3 run.py HOST PORT TEST < identities

The tests start a mosquitto for each case and talk to it without a name. Here `start_broker` starts nothing: the next of the
identities, a line `USER PASSWORD` each, is who the clients are from then on, so each case begins without retained messages
and without sessions. The tests themselves are unchanged.

They compare bytes with what mosquitto sends. Where MQTT leaves a server the choice, what it says is compared instead:

- the properties of a CONNACK that name the server's own limits are put as mosquitto puts them (5.0, 3.2.2.3);
- PUBACK and PUBREC with and without reason code 0, or with `no matching subscribers`, are the same (5.0, 3.4.2.1: the server
  may say so);
- reasons in words are not compared, the order of properties means nothing (5.0, 2.2.2);
- what breaks the rules of a packet may be called malformed (0x81) or a protocol error (0x82), and before the end of the
  connection a server may say why or not (5.0, 4.13); in MQTT 3.1.1 a wrong password is return code 4 or 5;
- a message may reach its subscriber before its publisher has the acknowledgement, or after (4.6 orders neither).
"""

import contextlib
import io
import json
import os
import runpy
import socket
import struct
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
SUITE = os.path.join(HERE, "suite")
sys.path[:0] = [os.path.dirname(HERE), os.path.join(SUITE, "broker"), SUITE]

import mosq_test  # noqa: E402
import relay  # noqa: E402

# Properties of a CONNACK that say what the server does with this client, not what it can do.
SAID = {0x11: 4, 0x12: None, 0x13: 2, 0x15: None, 0x1F: None}
ACKS = range(4, 8)
# Tests that read from their socket themselves, and take a DISCONNECT for something else than the end.
READ_THEMSELVES = {
    "01-connect-duplicate",
    "02-subpub-qos1-bad-pubcomp",
    "02-subpub-qos1-bad-pubrec",
    "02-subpub-qos2-bad-puback-1",
    "02-subpub-qos2-bad-puback-2",
    "02-subpub-qos2-bad-pubcomp",
}
NO_SUBSCRIBERS = 0x10
# How long a packet may take, in seconds, where the test says nothing.
PATIENCE_S = 10


class Broker:
    """What the tests hold in place of the process of mosquitto."""

    def terminate(self):
        pass

    kill = wait = send_signal = terminate

    def communicate(self, timeout=None):
        return b"", b""


class Identities:
    def __init__(self, lines):
        self.all = [line.split() for line in lines if line.strip()]
        self.used = 0

    def next(self):
        if self.used == len(self.all):
            raise RuntimeError(f"the test starts more than {self.used} brokers")
        self.used += 1

    def current(self):
        return self.all[max(self.used - 1, 0)]


def properties(data, place):
    """Gives the properties as pairs of identifier and bytes, and what follows them."""
    length, place = relay.number(data, place)
    end, found = place + length, []
    sizes = {0x01: 1, 0x02: 4, 0x11: 4, 0x13: 2, 0x17: 1, 0x18: 4, 0x19: 1, 0x21: 2, 0x22: 2, 0x23: 2, 0x24: 1, 0x25: 1, 0x27: 4, 0x28: 1, 0x29: 1, 0x2A: 1}
    while place < end:
        name, start = data[place], place + 1
        if name in sizes:
            place = start + sizes[name]
        elif name == 0x0B:
            place = relay.number(data, start)[1]
        else:
            place = relay.text(data, start)[1]
            if name == 0x26:
                place = relay.text(data, place)[1]
        found.append((name, data[start:place]))
    if place != end:
        raise IndexError
    return found, place


def as_mosquitto(packet, version):
    """A CONNACK of MQTT 5 that lets the client in, with the limits of mosquitto in place of the server's own."""
    if packet[0] >> 4 != relay.CONNACK or version != 5:
        return packet
    body = relay.body_of(packet)
    found, _ = properties(body, 2)
    said = b"".join(bytes([name]) + data for name, data in found if name in SAID)
    if body[1] == 0:
        said = b"\x22\x00\x0a" + said + b"\x21\x00\x14"
    return relay.packed(packet[0], body[:2] + bytes([len(said)]) + said)


def meaning(packet):
    """What a packet says, without what has several forms."""
    kind, body = packet[0] >> 4, relay.body_of(packet)
    try:
        if kind in ACKS:
            reason = body[2] if len(body) > 2 else 0
            return packet[0], body[:2], 0 if reason == NO_SUBSCRIBERS else reason
        if kind == relay.PUBLISH:
            topic, place = relay.text(body, 0)
            place += 2 if packet[0] & 6 else 0
            found, place = properties(body, place)
            return packet[0], body[: 2 + len(topic)], sorted(found), body[place:]
        if kind == 14:
            return packet[0], {0x82: 0x81}.get(body[0], body[0]) if body else 0
        if kind == relay.CONNACK and body[1] >= 0x80:
            return packet[0], body[:2]
        if kind == relay.CONNACK and len(body) == 2:
            return packet[0], body[0], min(body[1], 4)
    except (IndexError, struct.error):
        pass
    return packet


def split(data):
    """The packets in some bytes."""
    stream = io.BytesIO(data)
    stream.recv = stream.read
    packets = []
    while stream.tell() < len(data):
        packets.append(relay.read_packet(stream))
    return packets


def same(received, expected):
    return received == expected or [meaning(it) for it in split(received)] == [meaning(it) for it in split(expected)]


def packet_matches(name, received, expected):
    if same(received, expected):
        return True
    print(f"FAIL: {name}\n received {received.hex(' ')}\n expected {expected.hex(' ')}\n {received!r}\n {expected!r}")
    return False


# By socket, deliveries that came where an acknowledgement was expected, and the other way round.
ahead = {}


def is_delivery(packet):
    return packet[0] >> 4 == relay.PUBLISH


def read_as_many(sock, expected):
    """As many packets as are expected, or what came before the end."""
    waiting = ahead.setdefault(sock, [])
    received = []
    for wanted in expected:
        found = next((it for it in waiting if meaning(it) == meaning(wanted)), None)
        if found:
            waiting.remove(found)
        while not found:
            packet = relay.read_packet(sock)
            if packet and packet[0] >> 4 in (3, 4, 5, 7) and wanted[0] >> 4 in (3, 4, 5, 7) and is_delivery(packet) != is_delivery(wanted):
                waiting.append(packet)
                continue
            found = packet
            break
        received.append(found)
        if not found:
            break
    return b"".join(received)


def expect_packet(sock, name, expected):
    if sock.gettimeout() is None:
        sock.settimeout(PATIENCE_S)
    if expected:
        received = read_as_many(sock, split(expected))
    else:
        received = relay.read_packet(sock)
        if received and (received[0] >> 4 == 14 or (received[0] >> 4 == relay.CONNACK and relay.body_of(received)[1] >= 0x80)):
            print(f"{name}: closed with {received.hex(' ')}")
            received = relay.read_packet(sock)
    if packet_matches(name, received, expected):
        return True
    raise mosq_test.TestError


def receive_unordered(sock, first, second, error):
    wanted = split(first + second)
    received = ahead.pop(sock, [])[: len(wanted)]
    while len(received) < len(wanted):
        received.append(relay.read_packet(sock))
        if not received[-1]:
            break
    found = [it for it in received if it]
    received = b"".join(found)
    if sorted(repr(meaning(it)) for it in found) == sorted(repr(meaning(it)) for it in wanted):
        return
    packet_matches(error, received, first + second)
    raise ValueError(error)


def in_place_of_mosquitto(identities, port):
    def start_broker(*_args, **_kwargs):
        identities.next()
        return Broker()

    def get_port(count=1):
        return port if count == 1 else (port,) * count

    for it in (start_broker, get_port, expect_packet, packet_matches, receive_unordered):
        setattr(mosq_test, it.__name__, it)


def run(test, identities, port):
    """Runs it among links to the suite, where it may write the files that it writes."""
    broker = os.path.join(SUITE, "broker")
    with tempfile.TemporaryDirectory() as folder:
        for name in os.listdir(broker):
            os.symlink(os.path.join(broker, name), os.path.join(folder, name))
        os.chdir(folder)
        in_place_of_mosquitto(identities, port)
        sys.argv = [test + ".py", str(port)]
        try:
            runpy.run_path(test + ".py", run_name="__main__")
        except SystemExit as end:
            return "passed" if not end.code else "failed"
        except BaseException:
            traceback.print_exc()
            return "failed"
        finally:
            os.chdir(HERE)
    return "passed"


def main():
    host, port, test = sys.argv[1:4]
    identities = Identities(sys.stdin)
    topics = set()
    seen = topics.add if os.environ.get("TOPICS") else None

    def answer(packet, version):
        if test in READ_THEMSELVES and packet[0] >> 4 == 14:
            return b""
        return as_mosquitto(packet, version)

    here = relay.Relay((host, int(port)), identities.current, answer, seen)
    began, out, noise = time.monotonic(), sys.stdout, io.StringIO()
    with contextlib.redirect_stdout(noise), contextlib.redirect_stderr(noise):
        outcome = run(test, identities, here.port)
    line = {"test": test, "outcome": outcome, "brokers": identities.used, "seconds": round(time.monotonic() - began, 1)}
    if topics:
        line["topics"] = sorted(topics)
    if outcome != "passed":
        line["output"] = noise.getvalue()[-4000:]
    print(json.dumps(line), file=out, flush=True)
    os._exit(0 if outcome == "passed" else 1)


main()
