//! Every length, count and time that somebody outside can push on, with its name and its default.

/// The limits of the gateway. The defaults suit a server with some thousand devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The longest MQTT packet and the longest HTTP body, in bytes. Default 1 MiB: Zigbee2MQTT tells of its
    /// whole network in one packet.
    pub max_packet_bytes: u32,
    /// The longest CONNECT, its will included, in bytes: what a stranger may send. Default 16 KiB.
    pub max_connect_bytes: u32,
    /// How many connections may be open at once. Default 20 000.
    pub max_connections: usize,
    /// How many connections one address (of IPv6: one /64) may have open; loopback is not counted, because a proxy
    /// on this machine would put everybody behind one address. Default 1 024.
    pub max_connections_per_address: usize,
    /// Whether loopback counts like any other address, in rates of addresses. Default no, because a proxy on this machine
    /// would put everybody behind one address.
    pub counts_loopback: bool,
    /// How many connections a second one address may make, and as many at once; 0 is without limit. An address is an
    /// IPv4 address or the /64 of an IPv6 address, here and everywhere; loopback is not counted. Default 200.
    pub connections_per_second_per_address: u32,
    /// How many MQTT connections a second are taken in all; more wait in the backlog of the operating system. 0 is without
    /// limit. Default 20 000.
    pub connections_per_second: u32,
    /// How many connections one thing, bridge or recipient may have open. Default 1 024.
    pub max_connections_per_peer: usize,
    /// How many logins a minute may fail from one address before nobody is looked up for it for a while; who has logged
    /// in from there before is still looked up. 0 is without limit. Default 60.
    pub login_failures_per_address: u32,
    /// How many logins a minute may fail for one name before wrong answers come late. Default 60.
    pub login_failures_per_name: u32,
    /// How late such a wrong answer comes over MQTT, in milliseconds. Default 2 s.
    pub late_answer_ms: u64,
    /// How long a connection may take from its first byte to a whole CONNECT, the TLS handshake
    /// included, in milliseconds. Default 10 s.
    pub connect_timeout_ms: u64,
    /// The keep alive given to an MQTT 5 client that asks for none or for a longer one, in
    /// seconds. Default 3 600.
    pub max_keep_alive_s: u16,
    /// The longest client identifier, in bytes. Default 128.
    pub max_client_id_bytes: usize,
    /// How many QoS 1 and 2 deliveries may be without the client's PUBACK or PUBCOMP; an MQTT 5 client may ask for fewer by its
    /// receive maximum (5.0, 3.1.2.11.3). Default 65 535, which is what a client asks for that says nothing.
    pub max_inflight: u16,
    /// The same for clients of MQTT 3.1.1, which cannot say how many they take. Default 1 024.
    pub max_inflight_v3: u16,
    /// How many bytes messages may hold that a client has not acknowledged; a batch of deliveries may go above it. Default
    /// 4 MiB.
    pub inflight_bytes: usize,
    /// How many subscriptions a session may hold. Default 64.
    pub max_subscriptions: usize,
    /// The longest topic name or filter, in bytes. Default 1 024.
    pub max_topic_bytes: usize,
    /// The deepest topic name or filter, in levels. Default 32.
    pub max_topic_levels: usize,
    /// How many deliveries may wait for a slow session; more are dropped and counted.
    /// Default 1 024.
    pub outbox_deliveries: usize,
    /// How many QoS 1 and 2 publishes of a connection may be without our PUBACK or PUBCOMP: the
    /// receive maximum of MQTT 5, and the point at which an MQTT 3.1.1 connection is not read any
    /// further. Default 1 024.
    pub max_pending_acks: u16,
    /// How long a session is kept without its connection at most, in seconds. A client may ask for
    /// less; MQTT 3.1.1 without clean session gets this. Default 7 days.
    pub max_session_expiry_s: u32,
    /// How many sessions without a connection are kept in all. Default 20 000.
    pub max_sessions: usize,
    /// How many sessions without a connection are kept of one thing, bridge or recipient; for one
    /// more the one that was left longest ago ends. Default 16.
    pub max_sessions_per_peer: usize,
    /// How many QoS 1 and 2 deliveries wait for a session without a connection; more are dropped
    /// and counted. Default 1 024.
    pub queued_deliveries: usize,
    /// How many bytes of messages wait for a session without a connection. Default 1 MiB.
    pub queued_bytes: usize,
    /// How many bytes may wait for a client that does not read before it is not read either.
    /// Default 64 KiB.
    pub max_output_bytes: usize,
    /// How many HTTP streams a recipient may have open at once. Default 8.
    pub streams_per_recipient: usize,
    /// How many publishes a second one thing or bridge may make, over all its connections and HTTP together; a burst of
    /// one second is allowed; 0 is without limit. Default 50 000.
    pub publishes_per_second: u32,
    /// How many publishes a second all things of one deployment may make; as above. Default 1 000 000.
    pub publishes_per_second_per_deployment: u32,
    /// How many packets a second of any kind one connection may send; 0 is without limit. The acknowledgement of a
    /// delivery that is in flight does not count: the window bounds those. Default 200 000.
    pub packets_per_second: u32,
    /// How many questions a second one connection may ask: each PINGREQ, and each filter of SUBSCRIBE and UNSUBSCRIBE.
    /// 0 is without limit. Default 1 000.
    pub requests_per_second: u32,
    /// How long a packet may take from its first byte to its last, in milliseconds. Default 30 s.
    pub packet_timeout_ms: u64,
    /// How long a client may take nothing of what is sent to it, in milliseconds. Default 60 s.
    pub write_timeout_ms: u64,
    /// How many bytes all MQTT sessions may hold together in packets that are not whole, in what their clients have not
    /// read, and in wills; whoever would go above it is disconnected. Default 128 MiB.
    pub held_bytes: usize,
    /// The same for connections without a session, whose CONNECT is not whole. Default 16 MiB.
    pub held_bytes_of_strangers: usize,
    /// How long an HTTP request waits for durability before it answers 503, in milliseconds.
    /// Default 10 s.
    pub durable_timeout_ms: u64,
    /// How long connections may take to finish at a shutdown, in milliseconds. Default 5 s.
    pub drain_timeout_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_packet_bytes: 1024 * 1024,
            max_connect_bytes: 16 * 1024,
            max_connections: 20_000,
            max_connections_per_address: 1_024,
            counts_loopback: false,
            connections_per_second_per_address: 200,
            connections_per_second: 20_000,
            max_connections_per_peer: 1_024,
            login_failures_per_address: 60,
            login_failures_per_name: 60,
            late_answer_ms: 2_000,
            connect_timeout_ms: 10_000,
            max_keep_alive_s: 3_600,
            max_client_id_bytes: 128,
            max_inflight: u16::MAX,
            max_inflight_v3: 1_024,
            inflight_bytes: 4 * 1024 * 1024,
            max_subscriptions: 64,
            max_topic_bytes: 1_024,
            max_topic_levels: 32,
            outbox_deliveries: 1_024,
            max_pending_acks: 1_024,
            max_session_expiry_s: 7 * 24 * 3_600,
            max_sessions: 20_000,
            max_sessions_per_peer: 16,
            queued_deliveries: 1_024,
            queued_bytes: 1024 * 1024,
            max_output_bytes: 64 * 1024,
            streams_per_recipient: 8,
            publishes_per_second: 50_000,
            publishes_per_second_per_deployment: 1_000_000,
            packets_per_second: 200_000,
            requests_per_second: 1_000,
            packet_timeout_ms: 30_000,
            write_timeout_ms: 60_000,
            held_bytes: 128 * 1024 * 1024,
            held_bytes_of_strangers: 16 * 1024 * 1024,
            durable_timeout_ms: 10_000,
            drain_timeout_ms: 5_000,
        }
    }
}
