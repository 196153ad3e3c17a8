//! CONNECT and its answer (sections 3.1 and 3.2 of both versions).

use std::sync::Arc;

use mqtt_proto::QoS;
use mqtt_proto::v3::ConnectReturnCode;
use mqtt_proto::v5::{Connack, ConnackProperties, ConnectReasonCode, DisconnectReasonCode};

use super::{Ctx, Phase, Session};
use crate::Counter;
use crate::mqtt::backend::{Backend, Role};
use crate::mqtt::decode::{Connect, ConnectFault, Version, decode_connect};
use crate::mqtt::encode::{self, Terms};
use crate::mqtt::frame::Frame;

/// How many topic aliases an MQTT 5 client may set: one bit each.
pub(super) const TOPIC_ALIASES: u16 = 16;

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

impl<P: Copy + Ord> Session<P> {
    /// The first packet.
    pub(super) fn open<B: Backend<Position = P>>(
        &mut self,
        frame: Frame<'_>,
        ctx: &mut Ctx<'_, B>,
    ) {
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
            Ok(role) => self.accept(connect, role, ctx),
            Err(rejection) => self.reject(&rejection, ctx),
        }
    }

    fn reject_broken<B: Backend>(&mut self, fault: ConnectFault, ctx: &mut Ctx<'_, B>) {
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
    fn admit<B: Backend>(
        &self,
        connect: &Connect,
        ctx: &mut Ctx<'_, B>,
    ) -> Result<Role, Rejection> {
        self.check_client_id(connect)?;
        check_supported(connect)?;
        let bad_credentials = || {
            Rejection::new(
                ConnectReasonCode::BadUserNameOrPassword,
                Some(ConnectReturnCode::BadUserNameOrPassword),
                Counter::BadCredentials,
                "user name is the identifier of a registered thing or recipient, password is its token",
            )
        };
        let (Some(user_name), Some(password)) = (&connect.user_name, &connect.password) else {
            return Err(bad_credentials());
        };
        let role = ctx
            .backend
            .authenticate(user_name, password)
            .ok_or_else(bad_credentials)?;
        if role == Role::Recipient && connect.will.is_some() {
            return Err(Rejection::new(
                ConnectReasonCode::NotAuthorized,
                Some(ConnectReturnCode::NotAuthorized),
                Counter::PublishesNotAllowed,
                "a recipient publishes nothing, not even a will",
            ));
        }
        Ok(role)
    }

    fn check_client_id(&self, connect: &Connect) -> Result<(), Rejection> {
        let text = if connect.client_id.len() > self.limits.max_client_id_bytes {
            "the client identifier is too long"
        } else if connect.client_id.is_empty() && !connect.clean && connect.version == Version::V3 {
            // 3.1.3-8
            "an empty client identifier needs a clean session"
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

    fn accept<B: Backend>(&mut self, connect: Connect, role: Role, ctx: &mut Ctx<'_, B>) {
        let assigned = connect
            .client_id
            .is_empty()
            .then(|| Arc::<str>::from(format!("assigned-{}", self.number)));
        ctx.backend
            .register(assigned.as_deref().unwrap_or(&connect.client_id));
        let server_keep_alive = self.keep_alive(&connect);
        self.outbound.narrow(connect.receive_maximum);
        self.may_prolong = connect.session_expiry_s > 0;
        self.will = connect.will.map(Box::new);
        self.phase = Phase::Open(role);
        ctx.counters.add(Counter::SessionsOpened);
        match connect.version {
            Version::V3 => encode::connack_v3(ConnectReturnCode::Accepted, ctx.out),
            Version::V5 => {
                let mut packet = Connack::new(false, ConnectReasonCode::Success);
                packet.properties = self.what_we_offer(assigned, server_keep_alive);
                encode::connack_v5(packet, self.terms.max_packet_bytes, ctx.out);
            }
        }
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

    fn what_we_offer(
        &self,
        assigned_client_id: Option<Arc<str>>,
        server_keep_alive: Option<u16>,
    ) -> ConnackProperties {
        ConnackProperties {
            session_expiry_interval: Some(0),
            receive_max: Some(self.limits.max_pending_acks.max(1)),
            max_qos: Some(QoS::Level1),
            retain_available: Some(false),
            max_packet_size: Some(self.limits.max_packet_bytes),
            assigned_client_id,
            topic_alias_max: Some(TOPIC_ALIASES),
            wildcard_subscription_available: Some(true),
            subscription_id_available: Some(false),
            shared_subscription_available: Some(false),
            server_keep_alive,
            ..ConnackProperties::default()
        }
    }

    fn reject<B: Backend>(&mut self, rejection: &Rejection, ctx: &mut Ctx<'_, B>) {
        ctx.counters.add(rejection.counter);
        self.phase = Phase::Closed;
        match (self.terms.version, rejection.v3) {
            (Version::V3, Some(code)) => encode::connack_v3(code, ctx.out),
            (Version::V3, None) => {}
            (Version::V5, _) => {
                let mut packet = Connack::new(false, rejection.v5);
                packet.properties.reason_string = Some(Arc::from(rejection.text.as_str()));
                encode::connack_v5(packet, self.terms.max_packet_bytes, ctx.out);
            }
        }
    }
}

/// 3.2.2-12 and 3.2.2-13 of MQTT 5: what we said we do not have must be refused. MQTT 3.1.1 cannot
/// be told, so such a will is taken and published like any other.
fn check_supported(connect: &Connect) -> Result<(), Rejection> {
    if connect.version == Version::V3 {
        return Ok(());
    }
    let unsupported = |code, text| {
        Err(Rejection::new(
            code,
            None,
            Counter::ConnectUnsupported,
            text,
        ))
    };
    if connect.wants_authentication {
        return unsupported(
            ConnectReasonCode::BadAuthMethod,
            "there is no authentication method here but user name and password",
        );
    }
    match &connect.will {
        Some(will) if will.qos == QoS::Level2 => unsupported(
            ConnectReasonCode::QoSNotSupported,
            "the maximum QoS here is 1, for the will too",
        ),
        Some(will) if will.retain => unsupported(
            ConnectReasonCode::RetainNotSupported,
            "retained messages are not supported, a retained will neither",
        ),
        _ => Ok(()),
    }
}
