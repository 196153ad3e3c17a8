//! Ways in: what a device of a known dialect sends, as messages of named devices.
//!
//! Owns the dialects: which topics they use, how their bytes are read, which of their messages carry readings.
//! Must not know what is declared, who may see it, or how it is kept; has no clock and no socket.
//! An adapter never renames what a dialect calls a field: the pointers of a notice are those of the dialect's own JSON.
//!
//! Start reading at [`take()`]. Each dialect is a module that says which topics it understands, what it passes on, what
//! carries no reading, and what names its devices have.
//!
//! # What holds
//!
//! - Total: no topic, payload or order of messages makes [`take()`] panic.
//! - What comes out is a JSON object in UTF-8, but for [`Adapter::Plain`], [`Adapter::Codec`] and their like, which say so.
//! - Values are passed on as the bytes that they are: numbers keep their digits, and where a payload already is the object that
//!   is wanted nothing is copied.
//! - A [`State`] is bounded by the limits of its dialects, whatever comes.
//! - An error carries nothing of a topic or payload.

mod adapter;
mod codec;
mod command;
mod command_answer;
pub mod draft;
mod take;

mod chirpstack;
mod esphome;
mod homie;
mod owntracks;
mod scalar;
mod shelly;
mod sparkplug_b;
mod tasmota;
mod the_things_stack;
mod thingsboard;
pub mod value;
mod zigbee2mqtt;

mod json;
mod lorawan;
mod topic;

pub use adapter::Adapter;
pub use codec::{Question, answered, question};
pub use command::{SpeakError, Spoken, spoken_topic};
pub use command_answer::{CommandAnswer, command_answer};
pub use lorawan::{MAX_FRM_PAYLOAD_BYTES, Uplink};
pub use sparkplug_b::{
    MAX_EDGE_NODES, MAX_JSON_BYTES, MAX_MEMORY_BYTES, MAX_METRICS, REBIRTH_INTERVAL_MS,
};
pub use take::{
    AllTaken, Answer, MAX_DEVICE_NAME_BYTES, MAX_DEVICES_OF_A_MESSAGE, MAX_MESSAGE_BYTES,
    MAX_TOPIC_BYTES, State, TakeError, Taken, take,
};
pub use thingsboard::MAX_THINGSBOARD_MESSAGES;
