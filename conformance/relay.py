"""Stands between a suite whose clients say no name and a server that lets nobody in without one.

Each connection of the suite becomes one to the server. A CONNECT without user name and password gets them; everything else
goes through byte for byte, in both directions, with the end of a connection. What a suite cannot know of a server may be
said in its own words by `answer`, a function over each packet from the server; `topic` hears of each topic name before the
packet goes on, so that what is not registered can be.
"""

import select
import socket
import struct
import threading
import time

CONNECT, CONNACK, PUBLISH, SUBSCRIBE = 1, 2, 3, 8
# How long a new connection waits for what the others have sent before, in seconds.
ORDER_S = 0.5


def read_exactly(sock, count):
    data = b""
    while len(data) < count:
        more = sock.recv(count - len(data))
        if not more:
            return data
        data += more
    return data


def read_packet(sock):
    """Gives a packet with its fixed header; fewer bytes when the connection ends, or when it is no packet."""
    head = read_exactly(sock, 1)
    length, shift = 0, 0
    while head and shift <= 21:
        byte = read_exactly(sock, 1)
        if not byte:
            return head
        head += byte
        length |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return head + read_exactly(sock, length)
        shift += 7
    return head


def body_of(packet):
    """Gives what stands behind the fixed header."""
    place = 1
    while place < len(packet) and packet[place] >= 0x80 and place < 4:
        place += 1
    return packet[place + 1 :]


def packed(first, body):
    length, head = len(body), bytes([first])
    while True:
        low, length = length % 128, length // 128
        head += bytes([low | 0x80 if length else low])
        if not length:
            return head + body


def text(data, place):
    """Gives a string of two bytes of length and what follows it."""
    (length,) = struct.unpack_from("!H", data, place)
    end = place + 2 + length
    if end > len(data):
        raise IndexError
    return data[place + 2 : end], end


def number(data, place):
    """Gives a variable byte integer and what follows it."""
    value, shift = 0, 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, place


def skip_properties(data, place):
    length, place = number(data, place)
    return place + length


def version_of(packet):
    """The version that a CONNECT asks for; 0 when it is none."""
    try:
        _, place = text(body_of(packet), 0)
        return body_of(packet)[place] & 0x7F
    except (IndexError, struct.error):
        return 0


def signed_in(packet, user, password):
    """A CONNECT with a user name and a password, where it has neither; what cannot be read stays as it is."""
    body = body_of(packet)
    try:
        _, place = text(body, 0)
        flags = body[place + 1]
    except (IndexError, struct.error):
        return packet
    if flags & 0xC0:
        return packet
    start, rest = body[: place + 1], body[place + 2 :]
    more = b"".join(struct.pack("!H", len(it)) + it for it in (user.encode(), password.encode()))
    return packed(packet[0], start + bytes([flags | 0xC0]) + rest + more)


def topics_of(packet, version):
    """The topic names in a packet: of a PUBLISH, of the will of a CONNECT, and what a SUBSCRIBE asks for without wildcards."""
    body, kind = body_of(packet), packet[0] >> 4
    try:
        if kind == PUBLISH:
            return [text(body, 0)[0].decode()]
        if kind == SUBSCRIBE:
            place, found = skip_properties(body, 2) if version == 5 else 2, []
            while place < len(body):
                name, place = text(body, place)
                place += 1
                name = name.decode()
                if name.startswith("$share/"):
                    name = name.split("/", 2)[-1]
                if "+" not in name and "#" not in name:
                    found.append(name)
            return found
        if kind == CONNECT:
            _, place = text(body, 0)
            flags = body[place + 1]
            place += 4
            if version == 5:
                place = skip_properties(body, place)
            _, place = text(body, place)
            if flags & 4:
                place = skip_properties(body, place) if version == 5 else place
                return [text(body, place)[0].decode()]
    except (IndexError, struct.error, UnicodeDecodeError):
        pass
    return []


class Relay:
    """Listens on a port of its own for as long as the process lives."""

    def __init__(self, server, identity, answer=None, topic=None):
        self.server, self.identity, self.answer, self.topic = server, identity, answer, topic
        self.clients = set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.carry, args=(client,), daemon=True).start()

    def in_order(self):
        """What a client has sent on one connection before it opened another goes on before, as on one machine."""
        until = time.monotonic() + ORDER_S
        while time.monotonic() < until:
            ready = [it for it in self.clients if it.fileno() >= 0]
            if not select.select(ready, [], [], 0)[0]:
                return
            time.sleep(0.005)

    def carry(self, client):
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            server = socket.create_connection(self.server)
        except OSError:
            client.close()
            return
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        version = [0]
        back = threading.Thread(target=self.pump_back, args=(server, client, version), daemon=True)
        try:
            first = read_packet(client)
            if first and first[0] >> 4 == CONNECT:
                version[0] = version_of(first)
                first = signed_in(first, *self.identity())
                self.in_order()
            back.start()
            packet = first
            while packet:
                if self.topic:
                    for it in topics_of(packet, version[0]):
                        self.topic(it)
                server.sendall(packet)
                self.clients.add(client)
                packet = read_packet(client) if self.topic else client.recv(65536)
        except (OSError, ValueError):
            pass
        self.clients.discard(client)
        if back.ident is None:
            back.start()
        end(server, socket.SHUT_WR)
        back.join()
        server.close()
        client.close()

    def pump_back(self, server, client, version):
        try:
            while True:
                packet = read_packet(server) if self.answer else server.recv(65536)
                if not packet:
                    break
                packet = self.answer(packet, version[0]) if self.answer else packet
                if packet:
                    client.sendall(packet)
        except OSError:
            pass
        end(client, socket.SHUT_RDWR)
        end(server, socket.SHUT_RDWR)


def end(sock, how):
    try:
        sock.shutdown(how)
    except OSError:
        pass
