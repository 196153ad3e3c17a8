//! The closed lists of words in a notice.

use crate::{Level, words};

words! {
    /// A kind of member; each member is in exactly one.
    Chamber {
        /// Ministries, regulators, cities.
        Government = "government",
        /// Universities and schools.
        Academia = "academia",
        /// Vendors and operators.
        Vendors = "vendors",
        /// Startups and small and medium enterprises.
        Startups = "startups",
        /// Non-governmental organisations.
        Ngos = "ngos",
        /// Communities of people who live with the devices.
        Communities = "communities",
    }
}

words! {
    /// Why processing is lawful, and with it what a person may choose.
    LegalBasis {
        /// Off until the person chooses.
        Consent = "consent",
        /// On; the person can object.
        Contract = "contract",
        /// On; the person can object.
        LegitimateInterest = "legitimate-interest",
        /// On; the person can object.
        PublicTask = "public-task",
        /// Cannot be turned off; the notice names the law.
        LegalObligation = "legal-obligation",
        /// Cannot be turned off; the notice names the reason.
        VitalInterest = "vital-interest",
    }
}

impl LegalBasis {
    /// The level before the person has chosen anything.
    #[must_use]
    pub const fn default_level(self) -> Level {
        match self {
            Self::Consent => Level::OFF,
            _ => Level::ON,
        }
    }

    /// Whether a choice of the person counts.
    #[must_use]
    pub const fn can_choose(self) -> bool {
        !matches!(self, Self::LegalObligation | Self::VitalInterest)
    }
}

words! {
    /// The type of a field's value.
    FieldKind {
        /// A JSON number.
        Number = "number",
        /// A JSON string.
        Text = "text",
        /// `true` or `false`.
        Boolean = "boolean",
    }
}

words! {
    /// How much a field tells about a person.
    Sensitivity {
        /// Nothing.
        None = "none",
        /// Little on its own.
        Low = "low",
        /// Habits.
        Medium = "medium",
        /// Where, who, when at home.
        High = "high",
        /// Health, belief, intimacy.
        VeryHigh = "very-high",
    }
}

words! {
    /// What a message is written in before it is read as fields.
    Format {
        /// JSON (RFC 8259).
        Json = "json",
        /// CBOR (RFC 8949): read as the JSON that says the same.
        Cbor = "cbor",
        /// SenML in JSON (RFC 8428): fields are named by the records' resolved names.
        SenmlJson = "senml-json",
        /// SenML in CBOR (RFC 8428 section 6).
        SenmlCbor = "senml-cbor",
    }
}

words! {
    /// What kind of data a field is: the core terms of the IETF privacy preference declaration taxonomy.
    DataType {
        /// Identifies a person, a household or a device.
        Identifier = "identifier",
        /// Describes a person, a household or an account.
        Profile = "profile",
        /// Measured or observed, and no content.
        Sensor = "sensor",
        /// Captured or communicated content.
        Content = "content",
        /// Location, movement or place.
        Location = "location",
        /// State and settings of devices and networks.
        DeviceAndNetwork = "device-and-network",
        /// How a device or service is used.
        Usage = "usage",
    }
}

impl DataType {
    /// The term of the taxonomy.
    #[must_use]
    pub const fn ppd(self) -> &'static str {
        match self {
            Self::Identifier => "ppd:identifierData",
            Self::Profile => "ppd:profileData",
            Self::Sensor => "ppd:sensorData",
            Self::Content => "ppd:contentData",
            Self::Location => "ppd:locationData",
            Self::DeviceAndNetwork => "ppd:deviceAndNetworkData",
            Self::Usage => "ppd:usageData",
        }
    }
}

words! {
    /// How a recipient stands to the accountable member.
    Party {
        /// The accountable member itself.
        Controller = "controller",
        /// Works on its behalf and under its orders.
        Processor = "processor",
        /// Somebody else.
        ThirdParty = "third-party",
        /// Everybody.
        Public = "public",
    }
}

words! {
    /// What a time window shows of the values in it.
    Statistic {
        /// The arithmetic mean.
        Mean = "mean",
        /// The least.
        Min = "min",
        /// The greatest.
        Max = "max",
        /// How many there were.
        Count = "count",
        /// The last one.
        Last = "last",
    }
}
