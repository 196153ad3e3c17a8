//! CONNECT and its answer (sections 3.1 and 3.2 of both versions).

use std::sync::Arc;

use mqtt_proto::v3::ConnectReturnCode;
use mqtt_proto::v5::{Connack, ConnackProperties, ConnectReasonCode, DisconnectReasonCode};

use super::aliases::{TOPIC_ALIASES, ToClient};
use super::kept::Kept;
use super::orders;
use super::{Ctx, Phase, Session};
use crate::Counter;
use crate::identity::NotAdmitted;
use crate::mqtt::backend::{Admitted, Backend, Start};
use crate::mqtt::decode::{Connect, ConnectFault, Version, Will, decode_connect};
use crate::mqtt::encode::{self, Terms};
use crate::mqtt::frame::Frame;
use crate::mqtt::topic;

/// A CONNECT that was admitted and waits for its session.
pub(super) struct Opening {
    connect: Connect,
    /// The client identifier that we have given.
    assigned: Option<Arc<str>>,
}

/// Why a CONNECT is not accepted, in both versions.
struct Rejection {
    v5: ConnectReasonCode,
    /// Nothing: closed without an answer, because MQTT 3.1.1 has no word for it.
    v3: Option<ConnectReturnCode>,
    counter: Counter,
    text: String,
}

impl Rejection {
    fn new(
        v5: ConnectReasonCode,
        v3: Option<ConnectReturnCode>,
        counter: Counter,
        text: &str,
    ) -> Self {
        Self {
            v5,
            v3,
            counter,
            text: text.to_owned(),
        }
    }
}

impl<B: Backend> Session<B> {
    /// The first packet.
    pub(super) fn open(&mut self, frame: Frame<'_>, ctx: &mut Ctx<'_, B>) {
        let connect = match decode_connect(frame) {
            Ok(it) => it,
            Err(fault) => return self.reject_broken(fault, ctx),
        };
        self.terms = Terms {
            version: connect.version,
            max_packet_bytes: connect.max_packet_bytes,
            wants_problems: connect.wants_problems,
        };
        match self.admit(&connect, ctx) {
            Ok(admitted) => self.claim(connect, admitted, ctx),
            Err(rejection) => {
                if let Some(NotAdmitted::Wrong { after_ms }) = ctx.backend.not_admitted() {
                    self.late_ms = after_ms;
                }
                self.reject(&rejection, ctx);
            }
        }
    }

    /// Takes the client identifier (3.1.4-3 of MQTT 5, 3.1.4-2 of 3.1.1) and asks for the session that goes with it.
    fn claim(&mut self, mut connect: Connect, admitted: Admitted, ctx: &mut Ctx<'_, B>) {
        let assigned = connect.client_id.is_empty().then(|| {
            // Not the same after a restart: a client may come back with the one it was given.
            let millis = ctx.now.wall.as_millis();
            Arc::<str>::from(format!("assigned-{}-{millis}", self.number))
        });
        if let Some(assigned) = &assigned {
            connect.client_id = Arc::clone(assigned);
        }
        let start = match connect.clean {
            true => Start::Clean,
            false => Start::Resume,
        };
        self.door = admitted.purpose.map(Box::new);
        self.phase = Phase::Claiming(admitted.role);
        let must_wait = ctx.backend.claim(&connect.client_id, start);
        if ctx.backend.not_admitted() == Some(NotAdmitted::PeerFull) {
            let rejection = Rejection::new(
                ConnectReasonCode::QuotaExceeded,
                Some(ConnectReturnCode::ServerUnavailable),
                Counter::RefusedPeerFull,
                "this user has as many connections as it may: close one",
            );
            return self.reject(&rejection, ctx);
        }
        self.opening = Some(Box::new(Opening { connect, assigned }));
        if !must_wait {
            self.accept(None, ctx);
        }
    }

    fn reject_broken(&mut self, fault: ConnectFault, ctx: &mut Ctx<'_, B>) {
        match fault {
            ConnectFault::NotMqtt => {
                ctx.counters.add(Counter::NotMqtt);
                self.phase = Phase::Closed;
            }
            ConnectFault::UnknownVersion(version) => {
                self.terms.version = version;
                self.reject(
                    &Rejection::new(
                        ConnectReasonCode::UnsupportedProtocolVersion,
                        Some(ConnectReturnCode::UnacceptableProtocolVersion),
                        Counter::NotMqtt,
                        "the versions spoken here are 3.1.1 and 5.0",
                    ),
                    ctx,
                );
            }
            ConnectFault::Broken(version, fault) => {
                self.terms.version = version;
                let code = match fault.code {
                    DisconnectReasonCode::ProtocolError => ConnectReasonCode::ProtocolError,
                    _ => ConnectReasonCode::MalformedPacket,
                };
                self.reject(&Rejection::new(code, None, fault.counter, &fault.text), ctx);
            }
        }
    }

    /// Checks what is asked for, then who asks.
    fn admit(&self, connect: &Connect, ctx: &mut Ctx<'_, B>) -> Result<Admitted, Rejection> {
        self.check_client_id(connect)?;
        self.check_will(connect)?;
        check_supported(connect)?;
        let bad_credentials = || {
            Rejection::new(
                ConnectReasonCode::BadUserNameOrPassword,
                Some(ConnectReturnCode::BadUserNameOrPassword),
                Counter::BadCredentials,
                "user name is the identifier of a registered thing or recipient, password is its token; a certificate stands in for both",
            )
        };
        let admitted = ctx
            .backend
            .authenticate(
                connect.user_name.as_deref(),
                connect.password.as_deref(),
                ctx.now.wall,
            )
            .ok_or_else(|| match ctx.backend.not_admitted() {
                Some(NotAdmitted::HeldOff) => held_off(),
                _ => bad_credentials(),
            })?;
        if !admitted.role.publishes && connect.will.is_some() {
            return Err(Rejection::new(
                ConnectReasonCode::NotAuthorized,
                Some(ConnectReturnCode::NotAuthorized),
                Counter::PublishesNotAllowed,
                "a recipient publishes nothing, not even a will",
            ));
        }
        let is_command = |it: &Will| orders::is_command(&it.topic);
        if admitted.role.receives && connect.will.as_ref().is_some_and(is_command) {
            return Err(Rejection::new(
                ConnectReasonCode::TopicNameInvalid,
                Some(ConnectReturnCode::NotAuthorized),
                Counter::TopicsRejected,
                "a will is no command: it would be done when nobody is there",
            ));
        }
        Ok(admitted)
    }

    /// A will is a publish, so its topic has the limits of one.
    fn check_will(&self, connect: &Connect) -> Result<(), Rejection> {
        let Some(will) = &connect.will else {
            return Ok(());
        };
        if will.topic.len() <= self.limits.max_topic_bytes
            && topic::levels(&will.topic) <= self.limits.max_topic_levels
        {
            return Ok(());
        }
        Err(Rejection::new(
            ConnectReasonCode::TopicNameInvalid,
            None,
            Counter::TopicsRejected,
            "the topic of the will is too long or too deep",
        ))
    }

    fn check_client_id(&self, connect: &Connect) -> Result<(), Rejection> {
        let text = if connect.client_id.len() > self.limits.max_client_id_bytes {
            "the client identifier is too long"
        } else if connect.client_id.is_empty() && !connect.clean && connect.version == Version::V3 {
            // 3.1.3-8
            "an empty client identifier needs a clean session"
        } else if connect.client_id.is_empty() && connect.is_before_standard {
            "MQTT 3.1 needs a client identifier"
        } else {
            return Ok(());
        };
        Err(Rejection::new(
            ConnectReasonCode::ClientIdentifierNotValid,
            Some(ConnectReturnCode::IdentifierRejected),
            Counter::ClientIdsRejected,
            text,
        ))
    }

    /// Whether the session of the client is still to be given up by somebody else.
    pub(crate) fn is_claiming(&self) -> bool {
        matches!(self.phase, Phase::Claiming(_))
    }

    /// Opens the session: that of an older connection, or a new one (3.1.2.4, 3.2.2.1.1).
    pub(crate) fn accept(&mut self, kept: Option<Box<Kept<B>>>, ctx: &mut Ctx<'_, B>) {
        let (Phase::Claiming(role), Some(opening)) = (self.phase, self.opening.take()) else {
            return;
        };
        let Opening { connect, assigned } = *opening;
        let is_present = kept.is_some();
        if let Some(kept) = kept {
            // A will that was delayed is not published: the client has come back in time (5.0, 3.1.3-9).
            let Kept { state, resting, .. } = *kept;
            self.state = state;
            if let Some(resting) = resting {
                ctx.backend.wake(resting);
            }
            ctx.counters.add(Counter::SessionsResumed);
        }
        let server_keep_alive = self.keep_alive(&connect);
        let mut session_expiry = self.expire_after(&connect);
        let most = match connect.version {
            Version::V5 => self.limits.max_inflight.min(connect.receive_maximum),
            Version::V3 => self.limits.max_inflight_v3.min(self.limits.max_inflight),
        };
        self.window = usize::from(most.max(1));
        self.aliases_to_client = ToClient::new(connect.topic_alias_max);
        self.is_bridge = connect.is_bridge;
        self.will = connect.will.map(Box::new);
        self.phase = Phase::Open(role);
        if ctx.backend.is_newcomer() {
            // It has not said who it is, so it is treated as before its CONNECT.
            self.newcomer_until_ms = Some(ctx.now.uptime_ms + self.limits.connect_timeout_ms);
            (self.expiry_s, self.may_prolong, self.will) = (0, false, None);
            session_expiry = Some(0);
        }
        ctx.counters.add(Counter::SessionsOpened);
        match connect.version {
            Version::V3 => {
                // MQTT 3.1 has no word for it: the byte is reserved.
                let is_present = is_present && !connect.is_before_standard;
                encode::connack_v3(ConnectReturnCode::Accepted, is_present, ctx.out);
            }
            Version::V5 => {
                let mut packet = Connack::new(is_present, ConnectReasonCode::Success);
                packet.properties = self.what_we_offer(assigned, server_keep_alive, session_expiry);
                if !encode::connack_v5(packet, self.terms.max_packet_bytes, ctx.out) {
                    // 5.0, 3.1.2-24: the client takes no answer as long as this, so there is none.
                    self.will = None;
                    self.phase = Phase::Closed;
                    return;
                }
            }
        }
        let filters = self.state.listening.filters();
        if !filters.is_empty() {
            ctx.backend.listen(filters);
        }
        if self.has_outcome_filters() {
            ctx.backend.hear_outcomes(true);
        }
        self.state.outbound.resume(ctx.out);
    }

    /// Sets how long the session outlives its connection; gives back what the client must be told when it is not what
    /// it asked for (5.0, 3.2.2.3.2). A session of MQTT 3.1.1 is kept for the longest time there is (3.1.2.4).
    fn expire_after(&mut self, connect: &Connect) -> Option<u32> {
        let longest = self.limits.max_session_expiry_s;
        let wanted = match connect.version {
            Version::V5 => connect.session_expiry_s,
            Version::V3 if connect.clean => 0,
            Version::V3 => longest,
        };
        self.expiry_s = wanted.min(longest);
        self.may_prolong = wanted > 0;
        (self.expiry_s != wanted).then_some(self.expiry_s)
    }

    /// Sets the keep alive; gives back what the client must be told when it is not its own
    /// (3.2.2.3.14). MQTT 3.1.1 has no word for that, so its own is used.
    fn keep_alive(&mut self, connect: &Connect) -> Option<u16> {
        let longest = self.limits.max_keep_alive_s;
        let ours = match connect.version {
            Version::V5 if connect.keep_alive_s == 0 || connect.keep_alive_s > longest => {
                Some(longest)
            }
            _ => None,
        };
        self.keep_alive_ms = u64::from(ours.unwrap_or(connect.keep_alive_s)) * 1_000;
        ours
    }

    /// What is not said here is there: QoS 2, retained messages, wildcards, subscription identifiers, shared
    /// subscriptions.
    fn what_we_offer(
        &self,
        assigned_client_id: Option<Arc<str>>,
        server_keep_alive: Option<u16>,
        session_expiry_interval: Option<u32>,
    ) -> ConnackProperties {
        ConnackProperties {
            session_expiry_interval,
            receive_max: Some(self.limits.max_pending_acks.max(1)),
            max_packet_size: Some(self.limits.max_packet_bytes),
            assigned_client_id,
            topic_alias_max: Some(TOPIC_ALIASES),
            server_keep_alive,
            ..ConnackProperties::default()
        }
    }

    fn reject(&mut self, rejection: &Rejection, ctx: &mut Ctx<'_, B>) {
        ctx.counters.add(rejection.counter);
        self.phase = Phase::Closed;
        match (self.terms.version, rejection.v3) {
            (Version::V3, Some(code)) => encode::connack_v3(code, false, ctx.out),
            (Version::V3, None) => {}
            (Version::V5, _) => {
                let mut packet = Connack::new(false, rejection.v5);
                packet.properties.reason_string = Some(Arc::from(rejection.text.as_str()));
                encode::connack_v5(packet, self.terms.max_packet_bytes, ctx.out);
            }
        }
    }
}

/// Nobody was looked up.
fn held_off() -> Rejection {
    Rejection::new(
        ConnectReasonCode::ConnectionRateExceeded,
        Some(ConnectReturnCode::NotAuthorized),
        Counter::LoginsHeldOff,
        "too many logins failed from this address: wait a minute",
    )
}

/// 4.12: an authentication method that is not supported is refused.
fn check_supported(connect: &Connect) -> Result<(), Rejection> {
    match connect.wants_authentication {
        false => Ok(()),
        true => Err(Rejection::new(
            ConnectReasonCode::BadAuthMethod,
            None,
            Counter::ConnectUnsupported,
            "there is no authentication method here but user name and password",
        )),
    }
}
