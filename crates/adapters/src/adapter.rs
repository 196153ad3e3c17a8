//! The dialects there are.

/// How the messages of a connection are read. What each understands stands at the module of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Adapter {
    /// As they are: one message of the thing that owns the connection, in the format of its notice.
    #[default]
    Plain,
    /// Zigbee2MQTT: one JSON object a device, under a base topic.
    Zigbee2Mqtt,
    /// Tasmota: `tele` and `stat` topics, with the Zigbee devices behind it.
    Tasmota,
    /// Shelly, first generation: a value a topic under `shellies/`.
    ShellyGen1,
    /// Shelly, second generation and later: notifications and component status.
    ShellyGen2,
    /// ESPHome's MQTT component: a value a topic.
    Esphome,
    /// The Homie convention, versions 3 to 5.
    Homie,
    /// Any device that sends one value a topic.
    Scalar,
    /// Any device of which each topic is a device of its own, with the properties that MQTT 5 lets it say.
    Value,
    /// The OwnTracks apps.
    OwnTracks,
    /// ThingsBoard's device API.
    ThingsBoard,
    /// ThingsBoard's gateway API.
    ThingsBoardGateway,
    /// The Things Stack, version 3.
    TheThingsStack,
    /// ChirpStack, version 4.
    ChirpStack,
    /// Sparkplug B.
    SparkplugB,
    /// A codec of the deployment's own, run in a sandbox.
    Codec,
}

impl Adapter {
    /// All of them, in the order in which they are shown.
    pub const ALL: &'static [Self] = &[
        Self::Plain,
        Self::Zigbee2Mqtt,
        Self::Tasmota,
        Self::ShellyGen1,
        Self::ShellyGen2,
        Self::Esphome,
        Self::Homie,
        Self::Scalar,
        Self::Value,
        Self::OwnTracks,
        Self::ThingsBoard,
        Self::ThingsBoardGateway,
        Self::TheThingsStack,
        Self::ChirpStack,
        Self::SparkplugB,
        Self::Codec,
    ];

    /// Its word in configuration and rows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Zigbee2Mqtt => "zigbee2mqtt",
            Self::Tasmota => "tasmota",
            Self::ShellyGen1 => "shelly-gen1",
            Self::ShellyGen2 => "shelly-gen2",
            Self::Esphome => "esphome",
            Self::Homie => "homie",
            Self::Scalar => "scalar",
            Self::Value => "value",
            Self::OwnTracks => "owntracks",
            Self::ThingsBoard => "thingsboard",
            Self::ThingsBoardGateway => "thingsboard-gateway",
            Self::TheThingsStack => "the-things-stack",
            Self::ChirpStack => "chirpstack",
            Self::SparkplugB => "sparkplug-b",
            Self::Codec => "codec",
        }
    }

    /// Reads such a word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|it| it.as_str() == word)
    }

    /// Whether what speaks it is software with topics of its own to which it subscribes, wanted or not; some of it ends when
    /// it may not.
    #[must_use]
    pub const fn has_own_topics(self) -> bool {
        !matches!(self, Self::Plain | Self::Value | Self::Codec)
    }

    /// Whether the topic alone says which device a message is about, by its name in whole levels; Sparkplug has the kind of
    /// the message in between. In other dialects the payload may name devices too.
    #[must_use]
    pub const fn names_in_topic(self) -> bool {
        !matches!(
            self,
            Self::Plain
                | Self::Tasmota
                | Self::ThingsBoard
                | Self::ThingsBoardGateway
                | Self::Codec
        )
    }

    /// Whether its messages are always about devices other than the one that holds the connection, so that only a bridge
    /// can speak it. With every other adapter a thing can use its own credential; the names in [`crate::Taken`] then say
    /// nothing new and are not looked at.
    #[must_use]
    pub const fn needs_bridge(self) -> bool {
        matches!(
            self,
            Self::Zigbee2Mqtt
                | Self::ThingsBoardGateway
                | Self::TheThingsStack
                | Self::ChirpStack
                | Self::SparkplugB
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back() {
        for adapter in Adapter::ALL {
            assert_eq!(Adapter::parse(adapter.as_str()), Some(*adapter));
        }
        assert_eq!(Adapter::parse("telepathy"), None);
    }
}
