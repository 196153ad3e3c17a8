//! Fields and their coarse levels.

use super::Need::{OneOf, Optional, Required};
use super::{
    Kind, MAX_BOUNDS, MAX_GROUPS, MAX_LEAST, MAX_MEMBERS, MAX_TITLE, MAX_WORD, Shape, key, list,
};
use crate::notice::Window;
use crate::notice::words::{DataType, FieldKind, Sensitivity, Statistic};
use crate::{Level, Role};

const ANY_NUMBER: Kind = Kind::Real {
    least: f64::MIN,
    most: f64::MAX,
};
const ABOVE_ZERO: Kind = Kind::Real {
    least: f64::MIN_POSITIVE,
    most: f64::MAX,
};

pub(super) const FIELD: Shape = Shape {
    what: "a field",
    name: "field",
    keys: &[
        key(
            "pointer",
            OneOf,
            Kind::Pointer,
            "Its place in the message, as a JSON Pointer (RFC 6901); a part `*` stands for every position of an array.",
        ),
        key(
            "senml",
            OneOf,
            Kind::Plain(MAX_WORD),
            "Its SenML name (RFC 8428), where the format is SenML.",
        ),
        key(
            "title",
            Required,
            Kind::Bilingual(MAX_TITLE),
            "What people call it.",
        ),
        key(
            "kind",
            Required,
            Kind::Word {
                what: "a type of field",
                all: || FieldKind::ALL.iter().map(|it| it.as_str()).collect(),
            },
            "The type of its values; a value of another type is treated as undeclared.",
        ),
        key(
            "unit",
            Optional,
            Kind::Plain(MAX_WORD),
            "Its unit, as a UCUM or SenML name.",
        ),
        key(
            "range",
            Optional,
            Kind::Table(&RANGE),
            "The values that it can have; a number outside is treated as undeclared.",
        ),
        key(
            "sensitivity",
            Required,
            Kind::Word {
                what: "a sensitivity",
                all: || Sensitivity::ALL.iter().map(|it| it.as_str()).collect(),
            },
            "How much it tells about a person.",
        ),
        key(
            "data",
            Optional,
            Kind::Word {
                what: "a kind of data",
                all: || DataType::ALL.iter().map(|it| it.as_str()).collect(),
            },
            "What kind of data it is, in the core terms of the IETF taxonomy.",
        ),
        key(
            "about",
            Optional,
            list(
                &Kind::Word {
                    what: "a role",
                    all: || Role::ALL.iter().map(|it| it.as_str()).collect(),
                },
                1,
                Role::ALL.len(),
            ),
            "The roles of the people whom it tells about; all roles unless said otherwise.",
        ),
        key(
            "tells-presence",
            Optional,
            Kind::True,
            "Whether it says by itself that somebody is there: true, or a number above zero.",
        ),
        key(
            "made-by",
            Optional,
            Kind::Id("a model"),
            "The automated model that works its values out, where they are not measured.",
        ),
        key(
            "coarse",
            Optional,
            list(&Kind::Table(&COARSENING), 0, Level::MAX_COARSE as usize),
            "The coarse levels, coarsest first.",
        ),
    ],
};

const RANGE: Shape = Shape {
    what: "a range",
    name: "range",
    keys: &[
        key("min", Optional, ANY_NUMBER, "The least value."),
        key("max", Optional, ANY_NUMBER, "The greatest value."),
    ],
};

const COARSENING: Shape = Shape {
    what: "a coarse level",
    name: "coarsening",
    keys: &[
        key(
            "round",
            OneOf,
            ABOVE_ZERO,
            "The nearest multiple of this step.",
        ),
        key(
            "grid",
            OneOf,
            Kind::Real {
                least: f64::MIN_POSITIVE,
                most: 90.0,
            },
            "The middle of a cell of this size, in degrees.",
        ),
        key(
            "bucket",
            OneOf,
            list(&ANY_NUMBER, 1, MAX_BOUNDS),
            "The lower bound of the bucket; bounds ascend.",
        ),
        key(
            "geohash",
            OneOf,
            Kind::Whole { least: 1, most: 8 },
            "The geohash cell of so many characters.",
        ),
        key(
            "threshold",
            OneOf,
            ANY_NUMBER,
            "Only whether the value is at or above this.",
        ),
        key(
            "category",
            OneOf,
            Kind::Table(&CATEGORY),
            "The broader word for the value.",
        ),
        key(
            "window",
            OneOf,
            Kind::Table(&WINDOW),
            "A statistic over a span of time, once it is over.",
        ),
        key(
            "presence",
            OneOf,
            Kind::True,
            "Only that there was a value.",
        ),
    ],
};

const CATEGORY: Shape = Shape {
    what: "a category",
    name: "category",
    keys: &[
        key(
            "groups",
            Required,
            list(&Kind::Table(&GROUP), 1, MAX_GROUPS),
            "The groups; no member stands in two.",
        ),
        key(
            "otherwise",
            Optional,
            Kind::Plain(MAX_WORD),
            "The word for every other text; without it, other texts do not pass.",
        ),
    ],
};

const GROUP: Shape = Shape {
    what: "a group",
    name: "group",
    keys: &[
        key(
            "label",
            Required,
            Kind::Plain(MAX_WORD),
            "The broader word.",
        ),
        key(
            "members",
            Required,
            list(&Kind::Maybe(MAX_WORD), 1, MAX_MEMBERS),
            "The texts that it stands for.",
        ),
    ],
};

const WINDOW: Shape = Shape {
    what: "a window",
    name: "window",
    keys: &[
        key(
            "seconds",
            Required,
            Kind::Whole {
                least: Window::MIN_SECONDS as i64,
                most: Window::MAX_SECONDS as i64,
            },
            "Its length in seconds.",
        ),
        key(
            "of",
            Required,
            Kind::Word {
                what: "a statistic",
                all: || Statistic::ALL.iter().map(|it| it.as_str()).collect(),
            },
            "What is shown of the values in it.",
        ),
        key(
            "least",
            Optional,
            Kind::Whole {
                least: 1,
                most: MAX_LEAST,
            },
            "The fewest values for which something is shown: 2 unless said otherwise, 1 for a count.",
        ),
    ],
};
