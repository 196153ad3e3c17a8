"""The journey of a thing and its recipients with the Eclipse Paho client of Python (1.6 or later).

    python3 journey.py < JSON

Reads where the server listens, who may come, and the files of TLS; makes the journey over each way and with each version,
and prints `ok WAY VERSION` for each. The first thing that is not as it must be ends it.
"""

import json
import queue
import socket
import ssl
import sys

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

PATIENCE_S = 30
VERSIONS = {"3.1.1": paho.MQTTv311, "5": paho.MQTTv5}
HOME = "test-home/test-meter"
ADVICE = "for/energy-advice/test-home/+"
RESEARCH = "for/research/#"


class Client:
    """One connection, with what came over it."""

    def __init__(self, site, way, version, name, number, keeps=False, will=None, certificate=False, purpose=None):
        self.site, self.name, self.v5 = site, name, version == "5"
        self.keeps, self.purpose = keeps, purpose
        self.connected, self.subscribed, self.messages = queue.Queue(), queue.Queue(), queue.Queue()
        first = [paho.CallbackAPIVersion.VERSION1] if hasattr(paho, "CallbackAPIVersion") else []
        self.client = paho.Client(
            *first,
            client_id=f"{name}-{number}",
            clean_session=None if self.v5 else not keeps,
            protocol=VERSIONS[version],
            transport="websockets" if way.startswith("ws") else "tcp",
        )
        if not certificate:
            self.client.username_pw_set(name, site["passwords"][name])
        if way in ("mqtts", "wss"):
            files = (site["certificate"], site["key"]) if certificate else (None, None)
            self.client.tls_set(site["authority"], *files)
        if will:
            self.client.will_set("tele/gone", will, qos=1)
        self.client.on_connect = lambda _c, _u, flags, code, *_: self.connected.put((flags["session present"], int(getattr(code, "value", code))))
        self.client.on_subscribe = lambda _c, _u, _m, codes, *_: self.subscribed.put([int(getattr(it, "value", it)) for it in codes])
        self.client.on_message = lambda _c, _u, it: self.messages.put(it)
        host, port = site[way].rsplit(":", 1)
        more = {}
        if self.v5:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = 600 if keeps else 0
            more = {"clean_start": not keeps, "properties": properties}
        self.client.connect(host, int(port), 60, **more)
        self.client.loop_start()
        self.is_present, self.code = self.connected.get(timeout=PATIENCE_S)

    def subscribe(self, topic, qos=2):
        """Subscribes for a purpose: in the filter, or with MQTT 5 in a user property. Gives the code."""
        if self.v5:
            properties = None
            if self.purpose:
                properties = Properties(PacketTypes.SUBSCRIBE)
                properties.UserProperty = ("purpose", self.purpose)
            self.client.subscribe(topic, options=SubscribeOptions(qos=qos), properties=properties)
        else:
            self.client.subscribe(topic, qos)
        (code,) = self.subscribed.get(timeout=PATIENCE_S)
        return code

    def publish(self, payload, qos=1, retain=False):
        info = self.client.publish("tele/sensor", payload, qos, retain)
        info.wait_for_publish(PATIENCE_S)
        same("an acknowledged publish", info.is_published(), True)

    def next(self):
        return self.messages.get(timeout=PATIENCE_S)

    def leave(self):
        self.client.disconnect()
        self.client.loop_stop()

    def break_off(self):
        """Ends the connection without DISCONNECT."""
        self.client.loop_stop()
        self.client.socket().close()


def same(what, found, wanted):
    if found != wanted:
        raise SystemExit(f"{what}: {found!r}, not {wanted!r}")


def reading(number):
    """A message with a number of its own, and what nobody declared."""
    return f'{{"power":{1234.5 + 100 * number:.2f},"temperature":21.5,"ssid":"home","gps":{{"lat":31.5}}}}'


def advice(number):
    return {"power": 1234.5 + 100 * number, "temperature": 21.5}


def research(number):
    """Less precise, and without the temperature, for which there is no consent."""
    return {"power": 1200 + 100 * number, "@coarse": {"/power": 50}}


def check(what, message, topic, payload, qos, retain=False):
    same(f"topic of {what}", message.topic, topic)
    same(f"payload of {what}", json.loads(message.payload), payload)
    same(f"quality of service of {what}", message.qos, qos)
    same(f"RETAIN of {what}", bool(message.retain), retain)


class Journey:
    def __init__(self, site, way, version, certificate):
        self.site, self.way, self.version, self.certificate = site, way, version, certificate
        self.clients = 0

    def client(self, name, number=None, **more):
        self.clients += 1
        label = f"{self.way}-{self.version.replace('.', '')}-{int(self.certificate)}-{number or self.clients}"
        client = Client(self.site, self.way, self.version, name, label, **more)
        same(f"CONNACK for {name}", client.code, 0)
        return client

    def meter(self, **more):
        return self.client("test-meter", certificate=self.certificate, **more)

    def make(self):
        self.every_quality_of_service()
        self.a_will()
        self.what_is_retained()
        self.a_shared_subscription()
        self.a_session_that_is_kept()
        self.what_is_refused()

    def every_quality_of_service(self):
        meter, adviser = self.meter(), self.client("adviser")
        v5 = self.version == "5"
        laboratory = self.client("laboratory", purpose="research" if v5 else None)
        same("SUBACK", adviser.subscribe(ADVICE), 2)
        same("SUBACK", laboratory.subscribe("test-home/+" if v5 else RESEARCH), 2)
        for qos in (0, 1, 2):
            meter.publish(reading(qos), qos)
            check("advice", adviser.next(), f"for/energy-advice/{HOME}", advice(qos), 2)
            topic = HOME if v5 else f"for/research/{HOME}"
            check("research", laboratory.next(), topic, research(qos), 2)
        for qos in (0, 1):
            same("SUBACK", adviser.subscribe(ADVICE, qos), qos)
            meter.publish(reading(3), 2)
            check("advice", adviser.next(), f"for/energy-advice/{HOME}", advice(3), qos)
        for it in (meter, adviser, laboratory):
            it.leave()

    def a_will(self):
        adviser, meter = self.client("adviser"), self.meter(will=reading(4))
        adviser.subscribe(ADVICE)
        meter.break_off()
        check("the will", adviser.next(), f"for/energy-advice/{HOME}", advice(4), 2)
        meter = self.meter(will=reading(5))
        meter.publish(reading(6))
        meter.leave()
        check("a reading", adviser.next(), f"for/energy-advice/{HOME}", advice(6), 2)
        self.meter().publish(reading(7))
        check("after DISCONNECT there is no will:", adviser.next(), f"for/energy-advice/{HOME}", advice(7), 2)
        adviser.leave()

    def what_is_retained(self):
        meter = self.meter()
        meter.publish(reading(8), retain=True)
        adviser = self.client("adviser")
        adviser.subscribe(ADVICE, 1)
        check("what is retained", adviser.next(), f"for/energy-advice/{HOME}", advice(8), 1, retain=True)
        laboratory = self.client("laboratory")
        laboratory.subscribe(RESEARCH, 1)
        check("what is retained", laboratory.next(), f"for/research/{HOME}", research(8), 1, retain=True)
        meter.publish(b"", retain=True)
        later = self.client("adviser")
        later.subscribe(ADVICE, 1)
        meter.publish(reading(9))
        check("nothing is retained: first", later.next(), f"for/energy-advice/{HOME}", advice(9), 1)
        for it in (meter, adviser, laboratory, later):
            it.leave()

    def a_shared_subscription(self):
        meter, members = self.meter(), [self.client("adviser"), self.client("adviser")]
        for it in members:
            same("SUBACK", it.subscribe(f"$share/team/{ADVICE}", 1), 1)
        for number in range(10, 20):
            meter.publish(reading(number))
        got = []
        while len(got) < 10:
            for it in members:
                got += [it.messages.get() for _ in range(it.messages.qsize())]
        same("what the team has", sorted(json.loads(it.payload)["power"] for it in got), [advice(it)["power"] for it in range(10, 20)])
        for it in members:
            it.leave()
        meter.leave()

    def a_session_that_is_kept(self):
        meter, adviser = self.meter(), self.client("adviser", number="kept", keeps=True)
        same("session present", bool(adviser.is_present), False)
        adviser.subscribe(ADVICE, 1)
        adviser.leave()
        for number in (20, 21):
            meter.publish(reading(number))
        adviser = self.client("adviser", number="kept", keeps=True)
        same("session present", bool(adviser.is_present), True)
        for number in (20, 21):
            check("what waited", adviser.next(), f"for/energy-advice/{HOME}", advice(number), 1)
        for it in (meter, adviser):
            it.leave()

    def what_is_refused(self):
        adviser = self.client("adviser")
        refused = 0x87 if self.version == "5" else 0x80
        for topic in ("for/marketing/#", "for/espionage/#", "for/research/test-home/+", "#"):
            same(f"SUBACK for {topic}", adviser.subscribe(topic), refused)
        adviser.leave()


def without_trust(site, version):
    """A client that trusts others does not even say who it is."""
    client = paho.Client(*([paho.CallbackAPIVersion.VERSION1] if hasattr(paho, "CallbackAPIVersion") else []), protocol=VERSIONS[version])
    client.tls_set(site["other-authority"])
    host, port = site["mqtts"].rsplit(":", 1)
    try:
        client.connect(host, int(port))
    except ssl.SSLCertVerificationError:
        return
    raise SystemExit("a server with a certificate of nobody is trusted")


def main():
    socket.setdefaulttimeout(PATIENCE_S)
    site = json.load(sys.stdin)
    for version in VERSIONS:
        for way, certificate in (("mqtt", False), ("mqtts", False), ("mqtts", True), ("ws", False), ("wss", False)):
            try:
                Journey(site, way, version, certificate).make()
            except queue.Empty:
                raise SystemExit(f"{way} {version}: nothing came") from None
            except SystemExit as end:
                raise SystemExit(f"{way} {version}: {end}") from None
            print("ok", way + "-with-certificate" * certificate, version, flush=True)
        without_trust(site, version)


main()
