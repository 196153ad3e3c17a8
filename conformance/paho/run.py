"""Runs one of the two suites and prints one line of JSON for each test.

    python3 run.py 3|5 HOST PORT USER PASSWORD [TEST]

The suites talk to a server that lets everybody in; here every CONNECT gets the user name and the password.

They also trust in a quick machine: a client publishes while the other's SUBSCRIBE may still be under way, which MQTT does
not order, and gives a CONNACK half a second. Here SUBSCRIBE returns with its SUBACK, and what the tests wait for by
condition they wait for longer. What they check stays theirs.
"""

import contextlib
import io
import json
import os
import select
import sys
import threading
import time
import types
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
# How long a packet that the test itself reads, or a SUBACK, may take, in seconds.
PATIENCE_S = 10
# How many times longer than they say the tests wait for something to arrive.
LONGER = 5


def load(version):
    """Gives the module of the suite, with the names that its `__main__` block sets."""
    sys.path.insert(0, os.path.join(HERE, "suite"))
    # The package names a broker of its own, which is not needed and not here.
    sys.modules["mqtt.brokers"] = types.ModuleType("mqtt.brokers")
    name = {"3": "client_test", "5": "client_test5"}[version]
    suite = __import__(name)
    suite.topics = ("TopicA", "TopicA/B", "Topic/C", "TopicA/C", "/TopicA")
    suite.wildtopics = ("TopicA/+", "+/C", "#", "/#", "/+", "+/+", "TopicA/#")
    suite.nosubscribe_topics = ("test/nosubscribe",)
    suite.topic_prefix = "client_test5/"
    return suite


def sign_in(suite, user, password):
    """Every connection of the suite's client says who it is."""
    client = suite.mqtt_client.Client
    connect = client.connect

    def connect_as_user(self, *args, **kwargs):
        kwargs.setdefault("username", user)
        kwargs.setdefault("password", password.encode())
        return connect(self, *args, **kwargs)

    client.connect = connect_as_user


def wait_for_acknowledgements(suite, formats):
    """What the test itself reads is waited for longer, and SUBSCRIBE returns when its SUBACK is there."""
    client = suite.mqtt_client.Client
    get_packet, register, subscribe = formats.getPacket, client.registerCallback, client.subscribe
    acknowledged = set()

    def get_packet_patiently(sock):
        # Every other thread is a receiver that looks in short turns whether it shall stop.
        if threading.current_thread() is threading.main_thread():
            select.select([sock], [], [], PATIENCE_S)
        return get_packet(sock)

    def register_and_note(self, callback):
        def subscribed(identifier, data):
            callback.subscribed(identifier, data)
            acknowledged.add((self, identifier))

        noting = types.SimpleNamespace(**{it: getattr(callback, it) for it in dir(callback) if it[0] != "_"})
        noting.subscribed = subscribed
        register(self, noting)

    def subscribe_and_wait(self, *args, **kwargs):
        identifier = subscribe(self, *args, **kwargs)
        until = time.monotonic() + PATIENCE_S
        # A client without callback has no receiver: its test reads the SUBACK itself.
        while self.callback and (self, identifier) not in acknowledged and time.monotonic() < until:
            time.sleep(0.02)
        acknowledged.discard((self, identifier))
        return identifier

    formats.getPacket = get_packet_patiently
    client.registerCallback = register_and_note
    client.subscribe = subscribe_and_wait


def wait_longer(suite):
    """What the tests wait for by condition may take longer."""
    waitfor = getattr(suite.Test, "waitfor", None)
    if waitfor:
        suite.Test.waitfor = lambda self, queue, depth, limit: waitfor(self, queue, depth, limit * LONGER)


class Report(unittest.TestResult):
    """Says what came of each test, at once."""

    def __init__(self, out, noise):
        super().__init__()
        self.out = out
        self.noise = noise

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()
        self.noise.seek(0)
        self.noise.truncate()

    def say(self, name, outcome, why=""):
        line = {"test": name, "outcome": outcome, "seconds": round(time.monotonic() - self.began, 1)}
        if why:
            line["why"] = why
            line["output"] = self.noise.getvalue()[-4000:]
        print(json.dumps(line), file=self.out, flush=True)

    def addSuccess(self, test):
        self.say(test._testMethodName, "passed")

    def addFailure(self, test, err):
        self.say(test._testMethodName, "failed", self._exc_info_to_string(err, test))

    def addError(self, test, err):
        name = getattr(test, "_testMethodName", str(test))
        self.began = getattr(self, "began", time.monotonic())
        self.say(name, "failed", self._exc_info_to_string(err, test))


def main():
    version, host, port, user, password = sys.argv[1:6]
    wanted = sys.argv[6:]
    suite = load(version)
    suite.host, suite.port = host, int(port)
    sign_in(suite, user, password)
    wait_for_acknowledgements(suite, sys.modules[{"3": "mqtt.formats.MQTTV311", "5": "mqtt.formats.MQTTV5"}[version]])
    wait_longer(suite)
    if hasattr(suite, "setData"):
        set_data = suite.setData

        def set_data_here():
            set_data()
            suite.host, suite.port = host, int(port)

        suite.setData = set_data_here
    loader = unittest.defaultTestLoader
    if version == "3":
        # A test of the suite that its name keeps from being found.
        suite.Test.test_will_message = suite.Test.will_message_test
    tests = loader.loadTestsFromTestCase(suite.Test)
    if wanted:
        tests = unittest.TestSuite(suite.Test(it) for it in wanted)
    noise = io.StringIO()
    out = sys.stdout
    with contextlib.redirect_stdout(noise), contextlib.redirect_stderr(noise):
        report = Report(out, noise)
        tests.run(report)
    sys.exit(0 if report.wasSuccessful() else 1)


main()
