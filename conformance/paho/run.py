"""Runs one of the two suites and prints one line of JSON for each test.

    python3 run.py 3|5 HOST PORT USER PASSWORD [TEST]

The suites talk to a server that lets everybody in; here every CONNECT gets the user name and the password.
"""

import contextlib
import io
import json
import os
import sys
import time
import types
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))


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
