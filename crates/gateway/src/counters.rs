//! What happened, as numbers: a closed list, one atomic each, no labels and nobody's name.
//!
//! INVARIANT: one bad input increments exactly one counter of [`Counter::is_refusal`].

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $kind:ident;)*) => {
        /// One thing that is counted.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(usize)]
        pub enum Counter { $($(#[$doc])* $name,)* }

        impl Counter {
            /// Every counter, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name of the counter in a metrics page.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Whether it counts something that was turned away.
            #[must_use]
            pub const fn is_refusal(self) -> bool {
                match self { $(Self::$name => kind::$kind,)* }
            }
        }
    };
}

mod kind {
    pub(super) const EVENT: bool = false;
    pub(super) const REFUSAL: bool = true;
}

counters! {
    /// Connections that were let in by a listener.
    ConnectionsAccepted = "connections_accepted", EVENT;
    /// Connections that ended, for whatever reason.
    ConnectionsClosed = "connections_closed", EVENT;
    /// MQTT sessions that began: a CONNECT was answered with success.
    SessionsOpened = "sessions_opened", EVENT;
    /// Sessions that ended because the same client connected again.
    SessionsTakenOver = "sessions_taken_over", EVENT;
    /// Sessions that went on after their client had been away.
    SessionsResumed = "sessions_resumed", EVENT;
    /// Sessions that ended because their client stayed away too long.
    SessionsExpired = "sessions_expired", EVENT;
    /// Sessions that ended with their connection because as many as may be are kept.
    SessionsNotKept = "sessions_not_kept", EVENT;
    /// Bytes read from MQTT sockets.
    BytesReceived = "bytes_received", EVENT;
    /// Bytes written to MQTT sockets.
    BytesSent = "bytes_sent", EVENT;
    /// Publishes (MQTT, HTTP or CoAP) that custody took.
    PublishesAccepted = "publishes_accepted", EVENT;
    /// Messages for devices that their bridge names and nobody registered, or that were revoked: not kept.
    DevicesNotRegistered = "devices_not_registered", EVENT;
    /// Devices of fleets that got a token for a provisioning key.
    DevicesProvisioned = "devices_provisioned", EVENT;
    /// Messages that belong to a dialect and carry no reading: not kept.
    MessagesWithoutReading = "messages_without_reading", EVENT;
    /// Messages on topics that the dialect of their sender does not have: not kept.
    MessagesOfOtherTopics = "messages_of_other_topics", EVENT;
    /// Sequence numbers (Sparkplug) that told of messages which did not come.
    SequenceGaps = "sequence_gaps", EVENT;
    /// Answers of the server that a dialect has: to requests for attributes (ThingsBoard), for births (Sparkplug).
    AnswersSent = "answers_sent", EVENT;
    /// Messages that a codec decoded.
    CodecAnswers = "codec_answers", EVENT;
    /// Messages that a codec did not decode, or for which none could be run.
    CodecFailures = "codec_failures", EVENT;
    /// Workers for codecs that had to be ended, or ended by themselves.
    CodecWorkersEnded = "codec_workers_ended", EVENT;
    /// Wills that custody took.
    WillsAccepted = "wills_accepted", EVENT;
    /// Subscriptions that were granted.
    SubscriptionsGranted = "subscriptions_granted", EVENT;
    /// Deliveries written to a subscriber.
    DeliveriesSent = "deliveries_sent", EVENT;
    /// Deliveries written again because the client had not acknowledged them on its last connection.
    DeliveriesRepeated = "deliveries_repeated", EVENT;
    /// Deliveries that waited longer than their message expiry interval.
    DeliveriesExpired = "deliveries_expired", EVENT;
    /// Deliveries dropped because enough waits for a session without a connection.
    DeliveriesQueueFull = "deliveries_queue_full", EVENT;
    /// Deliveries that were not permitted (any more) when their turn came.
    DeliveriesNotPermitted = "deliveries_not_permitted", EVENT;
    /// Deliveries larger than the client's maximum packet size, dropped.
    DeliveriesTooLarge = "deliveries_too_large", EVENT;
    /// Pages of the history that were given.
    HistoryPages = "history_pages", EVENT;
    /// Readings in them.
    HistoryReadings = "history_readings", EVENT;
    /// Erasures that recipients were given: they asked, or a webhook took them.
    ErasuresGiven = "erasures_given", EVENT;
    /// Erasures that recipients acknowledged.
    ErasuresAcknowledged = "erasures_acknowledged", EVENT;
    /// Batches that webhooks of recipients took.
    WebhookBatches = "webhook_batches", EVENT;
    /// Readings in them.
    WebhookReadings = "webhook_readings", EVENT;
    /// Batches and tests that webhooks of recipients did not take.
    WebhookFailures = "webhook_failures", EVENT;
    /// Batches that were stopped on their way because the rules changed; they are made anew.
    WebhookBatchesStopped = "webhook_batches_stopped", EVENT;
    /// Webhooks that were disabled because their receiver said that it is gone.
    WebhooksDisabled = "webhooks_disabled", EVENT;
    /// Commands of recipients that were taken.
    CommandsTaken = "commands_taken", EVENT;
    /// Commands handed to things: those that are to stop, slow down or start a measurement, and those of recipients.
    CommandsSent = "commands_sent", EVENT;
    /// Commands that were not handed to a bridge, because its dialect cannot say them: a device whose birth was not seen, a
    /// value that is not of its type (Sparkplug).
    CommandsNotSaid = "commands_not_said", EVENT;
    /// Sessions ended because the certificate that opened them is over or revoked.
    CertificatesEnded = "certificates_ended", EVENT;
    /// MQTT connections ended because the token that opened them was renewed or revoked, or who had it was removed.
    CredentialsEnded = "credentials_ended", EVENT;
    /// MQTT connections without TLS from another machine.
    ConnectionsPlain = "connections_plain", EVENT;
    /// Moments in which new connections had to wait in the backlog, because too many came.
    AcceptsPaced = "accepts_paced", EVENT;
    /// Certificates that devices got over HTTPS.
    CertificatesIssued = "certificates_issued", EVENT;
    /// Datagrams that came to the CoAP socket.
    CoapDatagrams = "coap_datagrams", EVENT;
    /// Copies of CoAP requests that had come already: answered as the first, or not at all.
    CoapDuplicates = "coap_duplicates", EVENT;
    /// CoAP responses that were sent five times and never acknowledged.
    CoapResponsesGivenUp = "coap_responses_given_up", EVENT;
    /// Sessions ended because nothing was heard for one and a half keep alives.
    KeepAliveTimeouts = "keep_alive_timeouts", EVENT;

    /// Connections turned away because the server is full.
    RefusedServerFull = "refused_server_full", REFUSAL;
    /// Connections turned away because their address has too many.
    RefusedAddressFull = "refused_address_full", REFUSAL;
    /// Connections turned away because their address connects too often.
    RefusedAddressTooFast = "refused_address_too_fast", REFUSAL;
    /// Connections turned away because their thing, bridge or recipient has too many.
    RefusedPeerFull = "refused_peer_full", REFUSAL;
    /// Logins over MQTT that were not looked at, because too many failed from their address.
    LoginsHeldOff = "logins_held_off", REFUSAL;
    /// Connections ended because they sent more packets a second than the limit.
    PacketsTooFast = "packets_too_fast", REFUSAL;
    /// Connections ended because they sent more PINGREQ, SUBSCRIBE and UNSUBSCRIBE than the limit.
    RequestsTooFast = "requests_too_fast", REFUSAL;
    /// Connections ended because a packet did not become whole in time.
    PacketsTooSlow = "packets_too_slow", REFUSAL;
    /// Connections ended because they took nothing of what was sent to them.
    ClientsNotReading = "clients_not_reading", REFUSAL;
    /// Connections ended because all together hold as many bytes as they may.
    HeldTooMuch = "held_too_much", REFUSAL;
    /// Connections that could not be accepted by the operating system.
    AcceptFailed = "accept_failed", REFUSAL;
    /// Connections whose TLS handshake failed.
    TlsHandshakeFailed = "tls_handshake_failed", REFUSAL;
    /// Connections that showed a certificate that names no thing, is over, revoked, or of nobody who is trusted.
    CertificatesRefused = "certificates_refused", REFUSAL;
    /// Devices of fleets that did not get a token for a provisioning key.
    ProvisionsRefused = "provisions_refused", REFUSAL;
    /// Requests for a certificate that were not fulfilled.
    CertificateRequestsRefused = "certificate_requests_refused", REFUSAL;
    /// Connections that did not send a whole CONNECT in time.
    ConnectTimeouts = "connect_timeouts", REFUSAL;
    /// Connections whose first packet was not a CONNECT of a version we speak.
    NotMqtt = "not_mqtt", REFUSAL;
    /// Wrong or missing user name or password, MQTT, HTTP or CoAP.
    BadCredentials = "bad_credentials", REFUSAL;
    /// Client identifiers that are too long, or empty where that is not allowed.
    ClientIdsRejected = "client_ids_rejected", REFUSAL;
    /// CONNECTs that ask for extended authentication, which we do not have.
    ConnectUnsupported = "connect_unsupported", REFUSAL;
    /// Packets that break the format of the protocol.
    MalformedPackets = "malformed_packets", REFUSAL;
    /// Packets that break the rules of the protocol.
    ProtocolErrors = "protocol_errors", REFUSAL;
    /// Packets longer than the limit.
    OversizedPackets = "oversized_packets", REFUSAL;
    /// Publishes beyond the receive maximum.
    ReceiveMaximumExceeded = "receive_maximum_exceeded", REFUSAL;
    /// Publishes whose topic is too long, too deep or uses an unknown alias.
    TopicsRejected = "topics_rejected", REFUSAL;
    /// Publishes (and wills) by somebody who is not a thing.
    PublishesNotAllowed = "publishes_not_allowed", REFUSAL;
    /// Publishes faster than the limit.
    PublishesTooFast = "publishes_too_fast", REFUSAL;
    /// Publishes of things whose deployment has no licence in force.
    PublishesUnlicensed = "publishes_unlicensed", REFUSAL;
    /// Publishes of things in quarantine.
    PublishesQuarantined = "publishes_quarantined", REFUSAL;
    /// Publishes whose payload cannot be read.
    PublishesMalformed = "publishes_malformed", REFUSAL;
    /// Payloads larger than custody or HTTP takes.
    PublishesTooLarge = "publishes_too_large", REFUSAL;
    /// Publishes that could not be kept.
    PublishesUnavailable = "publishes_unavailable", REFUSAL;
    /// Wills that custody did not take.
    WillsRefused = "wills_refused", REFUSAL;
    /// Subscriptions without a purpose, without a grant, or by a thing.
    SubscriptionsDenied = "subscriptions_denied", REFUSAL;
    /// Subscriptions with a filter that names nothing we have.
    SubscriptionsInvalid = "subscriptions_invalid", REFUSAL;
    /// Subscriptions beyond the number a session may hold.
    SubscriptionsOverLimit = "subscriptions_over_limit", REFUSAL;
    /// Commands of recipients that were refused: for safety, for want of a right, or because they cannot be read.
    CommandsRefused = "commands_refused", REFUSAL;
    /// Questions for the history without a purpose, or that cannot be read.
    HistoryInvalid = "history_invalid", REFUSAL;
    /// Questions for the history without a grant, by a thing, or where there is none.
    HistoryDenied = "history_denied", REFUSAL;
    /// Questions for the history faster than the limit, or while too many others were being answered.
    HistoryOverLimit = "history_over_limit", REFUSAL;
    /// Questions for the history that could not be answered.
    HistoryUnavailable = "history_unavailable", REFUSAL;
    /// Requests about erasures that were refused: they cannot be read, come too fast, or name what the recipient was not told.
    ErasuresRefused = "erasures_refused", REFUSAL;
    /// HTTP bodies that are not JSON by their content type.
    UnsupportedMediaType = "unsupported_media_type", REFUSAL;
    /// HTTP bodies that did not come in time.
    BodiesTooSlow = "bodies_too_slow", REFUSAL;
    /// Datagrams that are no CoAP message, or none that can be answered.
    CoapMalformed = "coap_malformed", REFUSAL;
    /// Datagrams beyond what one address may send, or from one address too many: not looked at.
    CoapTooFast = "coap_too_fast", REFUSAL;
    /// CoAP requests with another path, method, query or critical option, or for a proxy.
    CoapRequestsRefused = "coap_requests_refused", REFUSAL;
    /// CoAP messages in pieces that were not taken further: a piece was missing or of a wrong size, or there were too many.
    CoapTransfersRefused = "coap_transfers_refused", REFUSAL;
}

/// All counters of one gateway.
#[derive(Debug)]
pub struct Counters {
    values: Box<[AtomicU64]>,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            values: Counter::ALL.iter().map(|_| AtomicU64::new(0)).collect(),
        }
    }
}

impl Counters {
    /// Adds one.
    pub fn add(&self, counter: Counter) {
        self.add_many(counter, 1);
    }

    /// Adds `count`.
    pub fn add_many(&self, counter: Counter, count: u64) {
        if let Some(value) = self.values.get(counter as usize) {
            value.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// What one counter stands at.
    #[must_use]
    pub fn value(&self, counter: Counter) -> u64 {
        self.values
            .get(counter as usize)
            .map_or(0, |it| it.load(Ordering::Relaxed))
    }

    /// What every counter stands at, in the order of [`Counter::ALL`].
    #[must_use]
    pub fn snapshot(&self) -> Vec<(Counter, u64)> {
        Counter::ALL
            .iter()
            .map(|it| (*it, self.value(*it)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_has_its_own_place_and_name() {
        let counters = Counters::default();
        for counter in Counter::ALL {
            counters.add_many(*counter, *counter as u64 + 1);
        }
        for (counter, value) in counters.snapshot() {
            assert_eq!(value, counter as u64 + 1, "{}", counter.name());
        }
        let mut names: Vec<_> = Counter::ALL.iter().map(|it| it.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Counter::ALL.len());
    }
}
